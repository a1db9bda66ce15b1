#include "data/energon/listed_shards.h"

#include <system_error>

#include <fmt/core.h>

#include "core/error.h"
#include "core/text.h"

namespace dfm::data {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRemedy = "index the folder as a whole: dfm_index FOLDER";

}  // namespace

Discovery listed_shards(const fs::path& root) {
  Discovery discovery;
  for (const ShardCount& shard : read_dataset_info(root).shards) {
    std::error_code error;
    const std::uint64_t size = fs::file_size(root / shard.name, error);
    if (error) {
      throw data_error(
          fmt::format("{} of .info.json cannot be looked at: {}", printable(shard.name), error.message()),
          kRemedy);
    }
    discovery.shards.push_back({shard.name, size});
  }
  return discovery;
}

std::vector<ShardFile> files_of(const fs::path& root, const DatasetInfo& info) {
  std::vector<ShardFile> files;
  for (const ShardCount& shard : info.shards) {
    std::error_code error;
    const auto size = fs::file_size(root / shard.name, error);
    files.push_back({shard.name, error ? 0 : size});
  }
  return files;
}

void refuse_other_counts(const fs::path& root, const IndexReport& report) {
  if (!report.skipped.empty()) {
    const SkippedShard& first = report.skipped.front();
    throw data_error(fmt::format("{} cannot be indexed: {}", printable(first.name), first.reason), kRemedy);
  }
  const DatasetInfo info = read_dataset_info(root);
  for (std::size_t i = 0; i < info.shards.size(); ++i) {
    if (report.shards.at(i) == info.shards[i]) continue;
    throw data_error(fmt::format("{} holds {} samples, .info.json says {}", printable(info.shards[i].name),
                                 report.shards[i].samples, info.shards[i].samples),
                     kRemedy);
  }
}

}  // namespace dfm::data
