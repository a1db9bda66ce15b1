#include "data/zip/crc.h"

#include <algorithm>
#include <vector>

#include <fmt/core.h>
#include <zlib.h>

#include "core/error.h"

namespace dfm::data {
namespace {

constexpr std::uint64_t kChunkBytes = 64U << 10U;

std::uint32_t extend(std::uint32_t crc, std::span<const std::byte> bytes) {
  return static_cast<std::uint32_t>(
      ::crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace

std::uint32_t crc32_of(std::span<const std::byte> bytes) { return extend(0, bytes); }

void check_crc(const ByteRange& content, std::uint32_t recorded) {
  std::vector<std::byte> chunk(std::min(kChunkBytes, content.size()));
  std::uint32_t crc = 0;
  for (std::uint64_t done = 0; done < content.size(); done += chunk.size()) {
    chunk.resize(std::min(kChunkBytes, content.size() - done));
    content.read(done, chunk);
    crc = extend(crc, chunk);
  }
  if (crc == recorded) return;
  throw data_error(fmt::format("its content has the CRC {:08x}, {:08x} is recorded", crc, recorded),
                   "the file is damaged: copy or make it again");
}

}  // namespace dfm::data
