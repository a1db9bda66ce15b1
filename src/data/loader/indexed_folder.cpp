#include "data/loader/indexed_folder.h"

#include <algorithm>
#include <mutex>
#include <unordered_map>

#include "core/error.h"
#include "core/log.h"
#include "core/system_error.h"
#include "data/energon/tar_index.h"
#include "data/loader/decode_sample.h"
#include "data/loader/description.h"

namespace dfm::data {
namespace {

// The copy of a shard, where its index has arrived, too.
std::optional<std::filesystem::path> copy_of(const std::filesystem::path& shard, const NearbyCopies& copies) {
  if (!copies.find || !copies.find(tar_index_path(shard))) return std::nullopt;
  return copies.find(shard);
}

// Where a sample lies.
struct Place {
  const IndexedDataset& dataset;
  std::size_t shard;
  std::uint64_t sample;  // of the shard
};

template <class Use>
auto read_from_shard(const Place& place, const RetryPolicy& retries, const Use& use) {
  return with_retries(
      [&] {
        try {
          return use(place.dataset.read_sample(place.shard, place.sample));
        } catch (const Error&) {
          if (const auto reason = place.dataset.explain_failure(place.shard)) throw Error(*reason);
          throw;
        }
      },
      retries);
}

// What `use` makes of a sample, from its shard's copy where there is one.
template <class Use>
auto read_nearest(const Place& place, const SourceSettings& settings, const Use& use) {
  const std::filesystem::path& path = place.dataset.shards()[place.shard].path;
  const auto copy = copy_of(path, settings.copies);
  if (!copy) return read_from_shard(place, settings.retries, use);
  try {
    return use(place.dataset.read_sample(place.shard, place.sample, *copy));
  } catch (const Error& error) {
    // Throws where the shard itself is at fault.
    auto read = read_from_shard(place, settings.retries, use);
    settings.copies.give_up(path);
    // At the end of a run, copies may be removed while a thread still reads ahead.
    if (std::filesystem::exists(*copy)) log::warn("{}: reading {} again", error.what(), path.native());
    return read;
  }
}

// Where dfm_index recorded none.
SampleShape shape_in_headers(const Place& place, const RetryPolicy& retries) {
  try {
    return with_retries(
        [&] { return shapes_of_sample(place.dataset.read_sample(place.shard, place.sample)).shape; },
        retries);
  } catch (const Error& error) {
    // What is damaged is so on all ranks, and reading it will say why. What only this rank cannot read now
    // would give it a plan of its own.
    if (error.kind() != ExitCode::data && !place.dataset.explain_failure(place.shard)) throw;
    return {};
  }
}

// Shapes that were read from the samples themselves, so that the next epoch need not read them again; only so
// many, since memory must not grow with the data set. Thread-safe.
class KnownShapes {
 public:
  std::optional<SampleShape> find(std::int64_t sample) const {
    const std::scoped_lock lock(mutex_);
    const auto place = shapes_.find(sample);
    return place == shapes_.end() ? std::nullopt : std::optional(place->second);
  }
  // What is not known may be so later.
  void keep(std::int64_t sample, const SampleShape& shape) {
    static constexpr std::size_t kMost = 1U << 19U;
    if (!shape.is_known()) return;
    const std::scoped_lock lock(mutex_);
    if (shapes_.size() < kMost) shapes_.emplace(sample, shape);
  }

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::int64_t, SampleShape> shapes_;
};

bool is_wanted(const RawSample& raw, const SourceSettings& settings) {
  return !settings.least_aesthetic_score || aesthetic_score(raw) >= *settings.least_aesthetic_score;
}

// Which run a sample is of.
class Numbering {
 public:
  explicit Numbering(std::vector<ShardRun> runs) : runs_(std::move(runs)), begins_{0} {
    for (const ShardRun& run : runs_) begins_.push_back(begins_.back() + run.samples);
  }

  Place place_of(std::int64_t sample) const {
    const auto number =
        static_cast<std::size_t>(std::ranges::upper_bound(begins_, sample) - begins_.begin() - 1);
    const ShardRun& run = runs_.at(number);
    return {*run.dataset, run.shard, run.first + static_cast<std::uint64_t>(sample - begins_[number])};
  }

 private:
  std::vector<ShardRun> runs_;
  std::vector<std::int64_t> begins_;  // with the total
};

}  // namespace

std::shared_ptr<const IndexedDataset> open_folder(const DatasetIndex& index, const NearbyCopies& copies) {
  auto dataset = std::make_shared<const IndexedDataset>(index, copies.find);
  if (!dataset->has_shapes()) {
    log::warn(
        "{} has no record of the samples' shapes: the headers of every sample are read for them; run "
        "dfm_index {}",
        index.root.native(), index.root.native());
  }
  return dataset;
}

std::int64_t text_width_of(const IndexedDataset& dataset) {
  if (dataset.has_shapes()) return dataset.text_width();
  return with_retries([&] { return shapes_of_sample(dataset.read_sample(0, 0)).text_width; });
}

std::vector<ShardRun> runs_of(const std::shared_ptr<const IndexedDataset>& dataset, std::int64_t begin,
                              std::int64_t end) {
  std::vector<ShardRun> runs;
  std::int64_t shard_begin = 0;
  for (std::size_t shard = 0; shard < dataset->shards().size(); ++shard) {
    const std::int64_t shard_end = shard_begin + static_cast<std::int64_t>(dataset->shards()[shard].samples);
    const std::int64_t from = std::max(begin, shard_begin), to = std::min(end, shard_end);
    if (from < to)
      runs.push_back({dataset, shard, static_cast<std::uint64_t>(from - shard_begin), to - from});
    shard_begin = shard_end;
  }
  return runs;
}

std::vector<ShardRun> runs_of(const std::shared_ptr<const IndexedDataset>& dataset) {
  return runs_of(dataset, 0, static_cast<std::int64_t>(dataset->sample_count()));
}

SampleSource source_of(std::vector<ShardRun> runs, const SourceSettings& settings) {
  SampleSource source;
  for (const ShardRun& run : runs) source.samples_in_shard.push_back(run.samples);
  const auto numbering = std::make_shared<const Numbering>(std::move(runs));
  const auto known = std::make_shared<KnownShapes>();
  source.shape = [numbering, known, retries = settings.retries](std::int64_t sample) {
    const Place place = numbering->place_of(sample);
    if (place.dataset.has_shapes()) return place.dataset.shape(place.shard, place.sample);
    if (const auto shape = known->find(sample)) return *shape;
    const SampleShape shape = shape_in_headers(place, retries);
    known->keep(sample, shape);
    return shape;
  };
  source.read = [numbering, settings](std::int64_t sample) {
    return read_nearest(numbering->place_of(sample), settings, [&](const RawSample& raw) {
      return is_wanted(raw, settings) ? std::optional(decode_sample(raw)) : std::nullopt;
    });
  };
  return source;
}

}  // namespace dfm::data
