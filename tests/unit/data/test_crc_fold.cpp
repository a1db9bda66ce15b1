// CRC by folding against zlib's, for every length and start near the borders of its steps.
#include <random>

#include <gtest/gtest.h>
#include <zlib.h>

#include "data/zip/crc.h"
#include "data/zip/crc_fold.h"

namespace dfm::data {
namespace {

std::uint32_t by_zlib(std::uint32_t crc, std::span<const std::byte> bytes) {
  return static_cast<std::uint32_t>(
      ::crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

TEST(ExtendCrc32, IsThatOfZlib) {
  std::mt19937 random(42);
  std::vector<std::byte> bytes(5000);
  for (std::byte& each : bytes) each = static_cast<std::byte>(random());
  for (std::size_t length = 0; length < 700; ++length) {
    const auto part = std::span(bytes).subspan(random() % 64, length);
    const auto before = static_cast<std::uint32_t>(random());
    EXPECT_EQ(extend_crc32(before, part), by_zlib(before, part)) << length;
  }
  EXPECT_EQ(crc32_of(bytes), by_zlib(0, bytes));
}

TEST(FoldCrc32, IsThatOfZlib) {
  if (!can_fold_crc32()) GTEST_SKIP() << "this processor has no carry-less multiplication";
  std::vector<std::byte> bytes(4096);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * i >> 3U);
  for (std::size_t length = 64; length <= bytes.size(); length += 16) {
    const auto part = std::span(bytes).first(length);
    EXPECT_EQ(fold_crc32(0x12345678, part), by_zlib(0x12345678, part)) << length;
  }
}

}  // namespace
}  // namespace dfm::data
