#include "data/loader/indexed_folder.h"

#include <algorithm>

#include <fmt/core.h>

#include "core/error.h"
#include "core/log.h"
#include "data/energon/tar_index.h"
#include "data/loader/decode_sample.h"

namespace dfm::data {
namespace {

// The copy of a shard, where its index has arrived, too.
std::optional<std::filesystem::path> copy_of(const std::filesystem::path& shard, const NearbyCopies& copies) {
  if (!copies.find || !copies.find(tar_index_path(shard))) return std::nullopt;
  return copies.find(shard);
}

RawSample read_nearest(const IndexedDataset& dataset, const NearbyCopies& copies, std::size_t shard,
                       std::uint64_t sample) {
  const std::filesystem::path& path = dataset.shards()[shard].path;
  const auto copy = copy_of(path, copies);
  if (!copy) return dataset.read_sample(shard, sample);
  try {
    return dataset.read_sample(shard, sample, *copy);
  } catch (const Error& error) {
    RawSample read = dataset.read_sample(shard, sample);  // throws where the shard itself is at fault
    copies.give_up(path);
    // At the end of a run, copies may be removed while a thread still reads ahead.
    if (std::filesystem::exists(*copy)) log::warn("{}: reading {} again", error.what(), path.native());
    return read;
  }
}

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
                                                  std::string_view split_file) {
  auto dataset = std::make_shared<const IndexedDataset>(IndexedDataset::open(root, split, split_file));
  if (dataset->has_shapes()) return dataset;
  throw data_error(fmt::format("{} has no record of the samples' shapes", root.native()),
                   fmt::format("run dfm_index {}", root.native()));
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

SampleSource source_of(std::vector<ShardRun> runs, const NearbyCopies& copies) {
  SampleSource source;
  for (const ShardRun& run : runs) source.samples_in_shard.push_back(run.samples);
  const auto numbering = std::make_shared<const Numbering>(std::move(runs));
  source.shape = [numbering](std::int64_t sample) {
    const auto [run, index] = numbering->place_of(sample);
    return run.dataset->shape(run.shard, index);
  };
  source.read = [numbering, copies](std::int64_t sample) {
    const auto [run, index] = numbering->place_of(sample);
    return decode_sample(read_nearest(*run.dataset, copies, run.shard, index));
  };
  return source;
}

}  // namespace dfm::data
