#include "model/axis_order.h"

#include "core/error.h"

namespace dfm::model {
namespace {

using nn::PackLayout;

struct Video {
  std::int64_t begin, frames, places;
};

std::vector<Video> videos_of(const at::Tensor& positions, const PackLayout& layout) {
  std::vector<Video> videos;
  const auto at = positions.accessor<std::int64_t, 2>();
  for (std::size_t i = 0; i < layout.token_counts().size(); ++i) {
    const std::int64_t begin = layout.token_begins()[i], last = layout.token_begins()[i + 1] - 1;
    const std::int64_t frames = at[last][0] + 1, places = (at[last][1] + 1) * (at[last][2] + 1);
    ensure(frames * places == layout.token_counts()[i],
           "the tokens of a sample are a whole grid, frame by frame");
    videos.push_back({begin, frames, places});
  }
  return videos;
}

// `count` sequences of the length.
void append_runs(std::vector<std::int64_t>& runs, std::int64_t count, std::int64_t length) {
  runs.insert(runs.end(), static_cast<std::size_t>(count), length);
}

PackLayout layout_of(const std::vector<std::int64_t>& runs) {
  return {runs, std::vector<std::int64_t>(runs.size(), 1)};
}

}  // namespace

AxisOrder::AxisOrder(PackLayout runs, at::Tensor rows) : layout_(std::move(runs)), rows_(std::move(rows)) {
  if (rows_.defined()) places_ = at::argsort(rows_);
}

at::Tensor AxisOrder::there(const at::Tensor& tokens) const {
  return rows_.defined() ? tokens.index_select(0, rows_) : tokens;
}

at::Tensor AxisOrder::back(const at::Tensor& ordered) const {
  return places_.defined() ? ordered.index_select(0, places_) : ordered;
}

AxisOrder within_frames(const at::Tensor& positions, const PackLayout& layout) {
  std::vector<std::int64_t> runs;
  for (const Video& video : videos_of(positions, layout)) append_runs(runs, video.frames, video.places);
  return AxisOrder(layout_of(runs));
}

AxisOrder through_frames(const at::Tensor& positions, const PackLayout& layout) {
  std::vector<std::int64_t> runs;
  std::vector<at::Tensor> rows;
  for (const Video& video : videos_of(positions, layout)) {
    append_runs(runs, video.places, video.frames);
    const at::Tensor tokens = at::arange(video.begin, video.begin + video.frames * video.places);
    rows.push_back(tokens.view({video.frames, video.places}).t().flatten());
  }
  return {layout_of(runs), at::cat(rows)};
}

}  // namespace dfm::model
