// The shards that were used last, kept open with their offsets.
#pragma once

#include <cstdint>
#include <filesystem>
#include <list>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "core/file.h"

namespace dfm::data {

struct OpenShard {
  File file;
  std::vector<std::uint64_t> offsets;  // sample count + 1
};

class OpenShards {
 public:
  // Opens the shard, or takes it from those that are open. The handle keeps it open. Thread-safe.
  std::shared_ptr<const OpenShard> get(std::size_t shard, const std::filesystem::path& path);
  // The next get() opens it again. Thread-safe.
  void forget(std::size_t shard);

 private:
  std::mutex mutex_;
  std::list<std::pair<std::size_t, std::shared_ptr<const OpenShard>>> recent_;  // the last used first
};

}  // namespace dfm::data
