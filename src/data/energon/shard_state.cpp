#include "data/energon/shard_state.h"

#include <cerrno>

#include <fmt/core.h>
#include <sys/stat.h>

#include "core/system_error.h"

namespace dfm::data {
namespace {

constexpr std::int64_t kNanoseconds = 1'000'000'000;

ShardState to_state(const struct stat& status) {
  return {static_cast<std::uint64_t>(status.st_size),
          status.st_mtim.tv_sec * kNanoseconds + status.st_mtim.tv_nsec, status.st_ino};
}

}  // namespace

ShardState state_of(const std::filesystem::path& shard) {
  struct stat status {};
  if (::stat(shard.c_str(), &status) != 0) throw_system_error("open shard", shard.native(), errno);
  return to_state(status);
}

std::optional<std::string> change_since(const ShardState& before, const std::filesystem::path& shard) {
  struct stat status {};
  if (::stat(shard.c_str(), &status) != 0) {
    return errno == ENOENT ? std::optional<std::string>("it was removed while the run was under way")
                           : std::nullopt;
  }
  const ShardState now = to_state(status);
  if (now.size_bytes != before.size_bytes) {
    return fmt::format("it {} while the run was under way, from {} to {} bytes",
                       now.size_bytes > before.size_bytes ? "grew" : "shrank", before.size_bytes,
                       now.size_bytes);
  }
  if (before.inode == 0 || now == before) return std::nullopt;
  return now.inode == before.inode ? "it was written to while the run was under way"
                                   : "it was replaced while the run was under way";
}

}  // namespace dfm::data
