#include "data/loader/indexed_folder.h"

#include <algorithm>
#include <mutex>
#include <unordered_map>

#include "core/error.h"
#include "core/log.h"
#include "core/system_error.h"
#include "data/energon/tar_index.h"
#include "data/loader/decode_sample.h"

namespace dfm::data {
namespace {

// The copy of a shard, where its index has arrived, too.
std::optional<std::filesystem::path> copy_of(const std::filesystem::path& shard, const NearbyCopies& copies) {
  if (!copies.find || !copies.find(tar_index_path(shard))) return std::nullopt;
  return copies.find(shard);
}

Sample read_from_shard(const IndexedDataset& dataset, const RetryPolicy& retries, std::size_t shard,
                       std::uint64_t sample) {
  return with_retries(
      [&] {
        try {
          return decode_sample(dataset.read_sample(shard, sample));
        } catch (const Error&) {
          if (const auto reason = dataset.explain_failure(shard)) throw Error(*reason);
          throw;
        }
      },
      retries);
}

Sample read_nearest(const IndexedDataset& dataset, const SourceSettings& settings, std::size_t shard,
                    std::uint64_t sample) {
  const std::filesystem::path& path = dataset.shards()[shard].path;
  const auto copy = copy_of(path, settings.copies);
  if (!copy) return read_from_shard(dataset, settings.retries, shard, sample);
  try {
    return decode_sample(dataset.read_sample(shard, sample, *copy));
  } catch (const Error& error) {
    // Throws where the shard itself is at fault.
    Sample read = read_from_shard(dataset, settings.retries, shard, sample);
    settings.copies.give_up(path);
    // At the end of a run, copies may be removed while a thread still reads ahead.
    if (std::filesystem::exists(*copy)) log::warn("{}: reading {} again", error.what(), path.native());
    return read;
  }
}

// Where dfm_index recorded none.
SampleShape shape_in_headers(const IndexedDataset& dataset, const RetryPolicy& retries, std::size_t shard,
                             std::uint64_t sample) {
  try {
    return with_retries([&] { return shapes_of_sample(dataset.read_sample(shard, sample)).shape; }, retries);
  } catch (const Error& error) {
    // What is damaged is so on all ranks, and reading it will say why. What only this rank cannot read now
    // would give it a plan of its own.
    if (error.kind() != ExitCode::data && !dataset.explain_failure(shard)) throw;
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

// Which run a sample is of.
class Numbering {
 public:
  explicit Numbering(std::vector<ShardRun> runs) : runs_(std::move(runs)), begins_{0} {
    for (const ShardRun& run : runs_) begins_.push_back(begins_.back() + run.samples);
  }

  struct Place {
    const ShardRun& run;
    std::uint64_t sample;  // of the shard
  };
  Place place_of(std::int64_t sample) const {
    const auto run =
        static_cast<std::size_t>(std::ranges::upper_bound(begins_, sample) - begins_.begin() - 1);
    return {runs_.at(run), runs_[run].first + static_cast<std::uint64_t>(sample - begins_[run])};
  }

 private:
  std::vector<ShardRun> runs_;
  std::vector<std::int64_t> begins_;  // with the total
};

}  // namespace

std::shared_ptr<const IndexedDataset> open_folder(const std::filesystem::path& root, std::string_view split,
                                                  std::string_view split_file, const NearbyCopies& copies) {
  auto dataset =
      std::make_shared<const IndexedDataset>(IndexedDataset::open(root, split, split_file, copies.find));
  if (!dataset->has_shapes()) {
    log::warn(
        "{} has no record of the samples' shapes: the headers of every sample are read for them; run "
        "dfm_index {}",
        root.native(), root.native());
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
    const auto [run, index] = numbering->place_of(sample);
    if (run.dataset->has_shapes()) return run.dataset->shape(run.shard, index);
    if (const auto shape = known->find(sample)) return *shape;
    const SampleShape shape = shape_in_headers(*run.dataset, retries, run.shard, index);
    known->keep(sample, shape);
    return shape;
  };
  source.read = [numbering, settings](std::int64_t sample) {
    const auto [run, index] = numbering->place_of(sample);
    return read_nearest(*run.dataset, settings, run.shard, index);
  };
  return source;
}

}  // namespace dfm::data
