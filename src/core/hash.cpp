#include "core/hash.h"

#include <memory>
#include <vector>

#include <fmt/core.h>
#include <xxhash.h>

#include "core/error.h"
#include "core/file.h"

namespace dfm {

std::uint64_t hash64(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

std::uint64_t hash64(std::span<const std::byte> bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

std::string hex(std::uint64_t value) { return fmt::format("{:016x}", value); }

std::uint64_t hash_file(const std::filesystem::path& path) {
  static constexpr std::size_t kPieceBytes = 4U << 20U;
  const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(), &XXH3_freeState);
  XXH3_64bits_reset(state.get());
  const File file = File::open_to_read(path);
  std::vector<std::byte> piece(kPieceBytes);
  for (std::uint64_t offset = 0;;) {
    const std::size_t count = file.read_up_to(piece, offset);
    if (count == 0) break;
    XXH3_64bits_update(state.get(), piece.data(), count);
    offset += count;
  }
  return XXH3_64bits_digest(state.get());
}

}  // namespace dfm
