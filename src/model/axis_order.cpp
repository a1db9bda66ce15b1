#include "model/axis_order.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "core/even_cut.h"
#include "nn/host_copy.h"

namespace dfm::model {
namespace {

using nn::PackLayout;
using Counts = std::vector<std::int64_t>;

struct Video {
  std::int64_t frames, places;
  std::int64_t tokens() const { return frames * places; }
};

std::vector<Video> videos_of(const at::Tensor& positions, const PackLayout& layout) {
  std::vector<Video> videos;
  const auto at = positions.accessor<std::int64_t, 2>();
  std::int64_t end = 0;
  for (const std::int64_t tokens : layout.whole_counts()) {
    end += tokens;
    const auto last = at[end - 1];
    videos.push_back({last[0] + 1, (last[1] + 1) * (last[2] + 1)});
    ensure(videos.back().tokens() == tokens, "the tokens of a sample are a whole grid, frame by frame");
  }
  return videos;
}

// Of the tokens in the range, those of each frame.
Counts of_frames(const Video& video, const Range& range) {
  Counts counts;
  for (std::int64_t begin = 0; begin < video.tokens(); begin += video.places) {
    const std::int64_t from = std::max(begin, range.begin);
    counts.push_back(std::max<std::int64_t>(std::min(begin + video.places, range.end()) - from, 0));
  }
  return counts;
}

// Of the tokens in the range, those of each place.
Counts of_places(const Video& video, const Range& range) {
  Counts counts;
  const auto before = [&](std::int64_t token, std::int64_t place) {
    return (token + video.places - 1 - place) / video.places;
  };
  for (std::int64_t place = 0; place < video.places; ++place)
    counts.push_back(before(range.end(), place) - before(range.begin, place));
  return counts;
}

// Sequences whose tokens on a context rank are what `count` finds in its cut of the video.
AxisOrder::Counts sequences(const std::vector<Video>& videos, const nn::SequenceCut& cut,
                            Counts (*count)(const Video&, const Range&)) {
  AxisOrder::Counts counts(static_cast<std::size_t>(cut.context_ranks));
  for (int rank = 0; rank < cut.context_ranks; ++rank) {
    Counts& of_rank = counts[static_cast<std::size_t>(rank)];
    for (const Video& video : videos) {
      std::ranges::copy(count(video, even_cut(video.tokens(), cut.context_ranks, rank)),
                        std::back_inserter(of_rank));
    }
  }
  return counts;
}

}  // namespace

AxisOrder::AxisOrder(Counts counts, at::Tensor rows) : counts_(std::move(counts)), rows_(std::move(rows)) {
  if (rows_.defined()) places_ = at::argsort(rows_);
}

AxisOrder AxisOrder::on(const at::Device& device) const {
  AxisOrder order = *this;
  if (!rows_.defined()) return order;
  order.rows_ = nn::to_device(rows_, device);
  order.places_ = nn::to_device(places_, device);
  return order;
}

at::Tensor AxisOrder::there(const at::Tensor& tokens) const {
  return rows_.defined() ? tokens.index_select(0, rows_) : tokens;
}

at::Tensor AxisOrder::back(const at::Tensor& ordered) const {
  return places_.defined() ? ordered.index_select(0, places_) : ordered;
}

AxisOrder within_frames(const at::Tensor& positions, const PackLayout& layout, const nn::SequenceCut& cut) {
  return AxisOrder(sequences(videos_of(positions, layout), cut, of_frames));
}

AxisOrder through_frames(const at::Tensor& positions, const PackLayout& layout, const nn::SequenceCut& cut) {
  const std::vector<Video> videos = videos_of(positions, layout);
  std::vector<at::Tensor> rows;
  std::int64_t begin = 0;  // of a sample in this rank's share
  for (const Video& video : videos) {
    const Range mine = even_cut(video.tokens(), cut.context_ranks, cut.context_rank);
    const at::Tensor places = at::remainder(at::arange(mine.begin, mine.end()), video.places);
    rows.push_back(std::get<1>(at::sort(places, /*stable=*/true, 0, false)) + begin);
    begin += mine.count;
  }
  return AxisOrder(sequences(videos, cut, of_places), at::cat(rows));
}

}  // namespace dfm::model
