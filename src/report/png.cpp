#include "report/png.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "core/error.h"

namespace dfm::report {
namespace {

// The signature, then the length (13) and name of the first chunk.
constexpr std::array<unsigned char, 16> kOpening{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n',
                                                 0,    0,   0,   13,  'I',  'H',  'D',  'R'};
constexpr std::size_t kColorTypeOffset = 25;

std::uint32_t big_endian(std::span<const std::byte, 4> bytes) {
  std::uint32_t value = 0;
  for (const std::byte byte : bytes) value = value << 8U | std::to_integer<std::uint32_t>(byte);
  return value;
}

int channels_of(std::byte color_type) {
  static constexpr std::array kChannels{1, 0, 3, 3, 2, 0, 4};
  const auto index = std::to_integer<std::size_t>(color_type);
  if (index >= kChannels.size() || kChannels[index] == 0) {
    throw data_error(fmt::format("a PNG image has the colour type {}, which does not exist", index));
  }
  return kChannels[index];
}

}  // namespace

PngHeader read_png_header(std::span<const std::byte> png) {
  const auto opening = std::as_bytes(std::span(kOpening));
  if (png.size() <= kColorTypeOffset || !std::equal(opening.begin(), opening.end(), png.begin())) {
    throw data_error(fmt::format("an image of {} bytes is not in PNG format", png.size()));
  }
  return {big_endian(png.subspan<16, 4>()), big_endian(png.subspan<20, 4>()),
          channels_of(png[kColorTypeOffset])};
}

}  // namespace dfm::report
