#include "data/energon/open_shards.h"

#include <algorithm>

#include "data/energon/tar_index.h"

namespace dfm::data {
namespace {

constexpr std::size_t kMostOpen = 16;

std::shared_ptr<const OpenShard> open_shard(const std::filesystem::path& path) {
  File file = File::open_to_read(path);
  auto offsets = read_tar_index(path, file.size());
  return std::make_shared<const OpenShard>(OpenShard{std::move(file), std::move(offsets)});
}

}  // namespace

std::shared_ptr<const OpenShard> OpenShards::get(std::size_t shard, const std::filesystem::path& path) {
  const std::scoped_lock lock(mutex_);
  const auto place = std::ranges::find_if(
      recent_, [&](const auto& entry) { return entry.first == shard && entry.second->file.path() == path; });
  if (place != recent_.end()) {
    recent_.splice(recent_.begin(), recent_, place);
  } else {
    recent_.emplace_front(shard, open_shard(path));
    if (recent_.size() > kMostOpen) recent_.pop_back();
  }
  return recent_.front().second;
}

void OpenShards::forget(std::size_t shard) {
  const std::scoped_lock lock(mutex_);
  recent_.remove_if([&](const auto& entry) { return entry.first == shard; });
}

}  // namespace dfm::data
