#include "data/energon/split_shards.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "core/error.h"
#include "core/log.h"
#include "core/stop_token.h"
#include "data/energon/dataset_metadata.h"
#include "data/energon/shard_scan.h"
#include "data/energon/tar_index.h"

namespace dfm::data {
namespace {

namespace fs = std::filesystem;

constexpr const char* kIndexAgain = "the shards changed: run dfm_index FOLDER again";

const SplitPart& find_split(const Splits& splits, std::string_view split, const fs::path& root) {
  const SplitPart* const part = splits.find(split);
  if (part != nullptr) return *part;
  std::vector<std::string> names;
  for (const SplitPart& known : splits.parts) names.push_back(known.name);
  throw data_error(fmt::format("{} has no split {}", root.native(), split),
                   fmt::format("it has: {}", fmt::join(names, ", ")));
}

// A shard whose index fits the archive and the count that .info.json gives.
IndexedShard checked_shard(const fs::path& root, const std::string& name, std::uint64_t count) {
  IndexedShard shard{name, root / name, count, 0, {}, state_of(root / name)};
  const std::uint64_t size_bytes = shard.state.size_bytes;
  const TarIndexSummary summary = read_tar_index_summary(shard.path);
  if (summary.sample_count != count) {
    throw data_error(fmt::format("{}: the index has {} samples, .info.json says {}", shard.path.native(),
                                 summary.sample_count, count),
                     kIndexAgain);
  }
  if (summary.end_offset > size_bytes) {
    throw data_error(fmt::format("{} is {} bytes long, its index reaches to byte {}", shard.path.native(),
                                 size_bytes, summary.end_offset),
                     kIndexAgain);
  }
  shard.end_offset = summary.end_offset;
  return shard;
}

std::vector<IndexedShard> list_shards(const fs::path& root, const DatasetInfo& info, const Splits& splits,
                                      std::string_view split) {
  std::unordered_map<std::string, std::uint64_t> counts;
  for (const ShardCount& shard : info.shards) counts.emplace(shard.name, shard.samples);
  const std::unordered_set<std::string> excluded(splits.exclude.begin(), splits.exclude.end());
  std::vector<IndexedShard> shards;
  for (const std::string& name : find_split(splits, split, root).shards) {
    StopToken::throw_if_requested();  // each shard is looked at, on a file system that may be slow
    if (excluded.contains(name)) continue;
    const auto count = counts.find(name);
    if (count == counts.end()) {
      throw data_error(
          fmt::format("the split {} of {} names shard {}, which is not indexed", split, root.native(), name),
          "run dfm_index FOLDER index.force_overwrite=true, or mend split.yaml");
    }
    shards.push_back(checked_shard(root, name, count->second));
  }
  if (shards.empty()) {
    throw data_error(fmt::format("the split {} of {} is empty", split, root.native()),
                     "index the folder with another index.split_ratio, or use another split");
  }
  return shards;
}

// The keys of the samples of a shard that are excluded one by one: what follows "SHARD/".
std::set<std::string, std::less<>> excluded_keys(const std::string& shard,
                                                 const std::vector<std::string>& exclude) {
  std::set<std::string, std::less<>> keys;
  for (const std::string& entry : exclude) {
    if (entry.size() > shard.size() && entry[shard.size()] == '/' && entry.starts_with(shard)) {
      keys.insert(entry.substr(shard.size() + 1));
    }
  }
  return keys;
}

void leave_out(IndexedShard& shard, const std::set<std::string, std::less<>>& keys) {
  const File file = File::open_to_read(shard.path);
  std::uint64_t place = 0;
  scan_shard(file, [&](const ShardSample& sample) {
    if (keys.contains(sample.key)) shard.excluded.push_back(place);
    ++place;
  });
  if (place != shard.samples) {
    throw data_error(
        fmt::format("{} has {} samples, its index {}", shard.path.native(), place, shard.samples),
        kIndexAgain);
  }
  shard.samples -= shard.excluded.size();
  if (shard.excluded.size() < keys.size()) {
    log::warn("{}: {} of the {} samples to leave out are not there", shard.name,
              keys.size() - shard.excluded.size(), keys.size());
  }
}

void leave_out_samples(std::vector<IndexedShard>& shards, const std::vector<std::string>& exclude) {
  std::vector<std::string> of_samples;
  std::ranges::copy_if(exclude, std::back_inserter(of_samples),
                       [](const std::string& entry) { return entry.find('/') != std::string::npos; });
  if (of_samples.empty()) return;
  for (IndexedShard& shard : shards) {
    StopToken::throw_if_requested();
    const auto keys = excluded_keys(shard.name, of_samples);
    if (!keys.empty()) leave_out(shard, keys);
  }
}

}  // namespace

std::uint64_t IndexedShard::stored_place(std::uint64_t sample) const {
  // excluded[i] - i samples that count lie before the i-th excluded one.
  std::size_t low = 0, high = excluded.size();
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (excluded[middle] - middle <= sample) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return sample + low;
}

std::vector<IndexedShard> read_split(const fs::path& root, std::string_view split,
                                     std::string_view split_file) {
  const DatasetInfo info = read_dataset_info(root);
  const Splits splits = read_splits(root, split_file);
  std::vector<IndexedShard> shards = list_shards(root, info, splits, split);
  leave_out_samples(shards, splits.exclude);
  return shards;
}

}  // namespace dfm::data
