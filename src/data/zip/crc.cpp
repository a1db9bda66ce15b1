#include "data/zip/crc.h"

#include <algorithm>
#include <vector>

#include <fmt/core.h>
#include <zlib.h>

#include "core/error.h"
#include "data/zip/crc_fold.h"

namespace dfm::data {
namespace {

constexpr std::uint64_t kChunkBytes = 64U << 10U;
constexpr std::size_t kLane = 16, kFoldedBytes = 256;  // where it pays

}  // namespace

std::uint32_t extend_crc32(std::uint32_t crc, std::span<const std::byte> bytes) {
  if (bytes.size() >= kFoldedBytes && can_fold_crc32()) {
    const std::size_t folded = bytes.size() / kLane * kLane;
    crc = fold_crc32(crc, bytes.first(folded));
    bytes = bytes.subspan(folded);
  }
  return static_cast<std::uint32_t>(
      ::crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

std::uint32_t join_crc32(std::uint32_t first, std::uint32_t second, std::uint64_t second_bytes) {
  return static_cast<std::uint32_t>(::crc32_combine(first, second, static_cast<z_off_t>(second_bytes)));
}

std::uint32_t crc32_of(std::span<const std::byte> bytes) { return extend_crc32(0, bytes); }

void check_crc(const ByteRange& content, std::uint32_t recorded) {
  if (content.view().size() == content.size()) return require_crc(crc32_of(content.view()), recorded);
  std::vector<std::byte> chunk(std::min(kChunkBytes, content.size()));
  std::uint32_t crc = 0;
  for (std::uint64_t done = 0; done < content.size(); done += chunk.size()) {
    chunk.resize(std::min(kChunkBytes, content.size() - done));
    content.read(done, chunk);
    crc = extend_crc32(crc, chunk);
  }
  require_crc(crc, recorded);
}

void require_crc(std::uint32_t crc, std::uint32_t recorded) {
  if (crc == recorded) return;
  throw data_error(fmt::format("its content has the CRC {:08x}, {:08x} is recorded", crc, recorded),
                   "the file is damaged: copy or make it again");
}

}  // namespace dfm::data
