#include "core/hash.h"

#include <new>
#include <vector>

#include <fmt/core.h>
#ifdef DFM_XXHASH_DISPATCH
#include <xxh_x86dispatch.h>  // the same names, for the processor at hand
#else
#include <xxhash.h>
#endif

#include "core/error.h"
#include "core/file.h"

namespace dfm {

std::uint64_t hash64(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

std::uint64_t hash64(std::span<const std::byte> bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

StreamHash::StreamHash() : state_(XXH3_createState()) {
  if (state_ == nullptr) throw std::bad_alloc();
  XXH3_64bits_reset(static_cast<XXH3_state_t*>(state_.get()));
}

void StreamHash::update(std::span<const std::byte> bytes) {
  XXH3_64bits_update(static_cast<XXH3_state_t*>(state_.get()), bytes.data(), bytes.size());
}

std::uint64_t StreamHash::digest() const {
  return XXH3_64bits_digest(static_cast<const XXH3_state_t*>(state_.get()));
}

void StreamHash::Free::operator()(void* state) const { XXH3_freeState(static_cast<XXH3_state_t*>(state)); }

std::string hex(std::uint64_t value) { return fmt::format("{:016x}", value); }

std::uint64_t hash_file(const std::filesystem::path& path) {
  static constexpr std::size_t kPieceBytes = 4U << 20U;
  StreamHash hash;
  const File file = File::open_to_read(path);
  file.expect_sequential_reads();
  std::vector<std::byte> piece(kPieceBytes);
  for (std::uint64_t offset = 0;;) {
    const std::size_t count = file.read_up_to(piece, offset);
    if (count == 0) break;
    hash.update(std::span(piece).first(count));
    offset += count;
  }
  return hash.digest();
}

}  // namespace dfm
