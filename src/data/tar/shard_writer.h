// Writes a shard: a tar of samples whose bytes depend on the samples alone (ustar headers without times,
// users or anything of this machine; pax headers only where a name needs them). All or nothing.
//
//   ShardWriter shard(folder / "shard_000000.tar");
//   shard.add("000000.json", bytes);
//   shard.commit();
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "core/streamed_file.h"

namespace dfm::data {

class ShardWriter {
 public:
  explicit ShardWriter(const std::filesystem::path& path) : file_(path) {}

  // Members of a sample belong together: KEY.pth, KEY.pickle, KEY.json.
  void add(std::string_view name, std::span<const std::byte> content);
  void commit();

 private:
  StreamedFile file_;
  std::string header_;  // of the last member
};

}  // namespace dfm::data
