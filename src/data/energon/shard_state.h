// What a file system says of a shard: another size, time or inode later means that it was changed or
// replaced.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace dfm::data {

struct ShardState {
  std::uint64_t size_bytes = 0;
  std::int64_t changed_ns = 0;
  std::uint64_t inode = 0;  // 0: neither it nor the time is known

  bool operator==(const ShardState&) const = default;
};

// Throws a SystemError when the shard cannot be looked at.
ShardState state_of(const std::filesystem::path& shard);

// What happened to a shard since it was in that state, in words; empty when nothing did, or when the file
// system does not say.
std::optional<std::string> change_since(const ShardState& before, const std::filesystem::path& shard);

}  // namespace dfm::data
