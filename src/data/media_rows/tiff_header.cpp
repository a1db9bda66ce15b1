#include <algorithm>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "data/media_rows/image_formats.h"

namespace dfm::data {
namespace {

enum Tag : std::uint32_t {
  kWidth = 256,
  kHeight = 257,
  kBitsPerSample = 258,
  kCompression = 259,
  kPhotometric = 262,
  kOrientation = 274,
  kSamplesPerPixel = 277,
  kPlanar = 284,
  kExtraSamples = 338,
  kSampleFormat = 339,
};
enum Photometric : std::uint32_t { kWhiteIsZero, kBlackIsZero, kRgb, kPalette, kMask, kCmyk, kYcc, kLab = 8 };

constexpr std::size_t kMostSamples = 6;  // of a pixel
constexpr std::uint64_t kMostEntries = 65535;
constexpr std::uint32_t kJpegOfTiff6 = 6;

// The first directory of a file, in either byte order, with offsets of 32 or 64 bits.
class Directory {
 public:
  explicit Directory(HeaderBytes& bytes)
      : bytes_(bytes), is_little_(bytes.has(0, "II")), is_big_tiff_(number(2, 2) == 43) {
    const std::uint64_t begin = is_big_tiff_ ? number(8, 8) : number(4, 4);
    count_ = is_big_tiff_ ? std::min<std::uint64_t>(number(begin, 8), kMostEntries) : number(begin, 2);
    entries_ = begin + (is_big_tiff_ ? 8 : 2);
  }

  bool is_little() const { return is_little_; }

  std::optional<std::uint32_t> first(Tag tag) const {
    const auto values = all(tag);
    return values.empty() ? std::nullopt : std::optional(values.front());
  }
  // At most one more than a pixel may have samples.
  std::vector<std::uint32_t> all(Tag tag) const {
    const std::uint64_t entry_bytes = is_big_tiff_ ? 20 : 12;
    for (std::uint64_t i = 0; i < count_ && bytes_.is_good(); ++i) {
      const std::uint64_t entry = entries_ + i * entry_bytes;
      if (number(entry, 2) == tag) return values_of(entry);
    }
    return {};
  }

 private:
  std::uint64_t number(std::uint64_t offset, unsigned count) const {
    return is_little_ ? bytes_.little(offset, count) : bytes_.big(offset, count);
  }
  static unsigned bytes_of_type(std::uint64_t type) {
    switch (type) {
      case 1:
        return 1;
      case 3:
        return 2;
      case 4:
        return 4;
      case 16:
        return 8;
      default:
        return 0;
    }
  }
  std::vector<std::uint32_t> values_of(std::uint64_t entry) const {
    const unsigned size = bytes_of_type(number(entry + 2, 2)), word = is_big_tiff_ ? 8 : 4;
    const std::uint64_t count = std::min<std::uint64_t>(number(entry + 4, word), kMostSamples + 1);
    std::uint64_t begin = entry + 4 + word;
    if (size * number(entry + 4, word) > word) begin = number(begin, word);
    std::vector<std::uint32_t> values;
    for (std::uint64_t i = 0; i < count && size > 0; ++i)
      values.push_back(static_cast<std::uint32_t>(number(begin + i * size, size)));
    return values;
  }

  HeaderBytes& bytes_;
  bool is_little_, is_big_tiff_;
  std::uint64_t count_ = 0, entries_ = 0;
};

// What decides the mode.
struct Pixel {
  std::uint32_t photometric = 0, sample_format = 1;
  std::vector<std::uint32_t> bits, extra;
  bool is_little = false;

  bool has_equal_bits(std::uint32_t wanted) const {
    return std::ranges::all_of(bits, [&](std::uint32_t depth) { return depth == wanted; });
  }
};

// Of one grey sample.
std::string grey_mode(const Pixel& pixel) {
  const std::uint32_t depth = pixel.bits[0], format = pixel.sample_format;
  const bool is_upright = pixel.photometric == kBlackIsZero;
  if (format == 3) return depth == 32 ? "F" : "";
  if (format == 2 && is_upright) return depth == 8 ? "L" : depth == 16 || depth == 32 ? "I" : "";
  if (format != 1) return "";
  if (depth == 1) return "1";
  if (depth == 2 || depth == 4 || depth == 8) return "L";
  if (depth == 16 && !pixel.is_little) return is_upright ? "I;16B" : "";
  if (depth == 16 || (depth == 12 && is_upright && pixel.is_little)) return "I;16";
  return depth == 32 && is_upright && pixel.is_little ? "I" : "";
}

std::string grey_mode_with_extra(const Pixel& pixel) {
  if (pixel.bits.size() == 1 && pixel.extra.empty()) return grey_mode(pixel);
  if (pixel.photometric != kBlackIsZero || pixel.bits.size() != 2 || pixel.extra.size() != 1 ||
      !pixel.has_equal_bits(8))
    return "";
  switch (pixel.extra[0]) {
    case 0:
      return "L";
    case 1:
      return "La";
    case 2:
      return "LA";
    default:
      return "";
  }
}

std::string rgb_mode(const Pixel& pixel) {
  const std::size_t count = pixel.bits.size();
  const bool is_deep = pixel.has_equal_bits(16);
  if (count < 3 || count > (is_deep ? 4 : kMostSamples) || !(is_deep || pixel.has_equal_bits(8))) return "";
  if (pixel.extra.empty()) return count == 3 ? "RGB" : count == 4 ? "RGBA" : "";
  if (pixel.extra.size() != count - 3) return "";
  if (std::any_of(pixel.extra.begin() + 1, pixel.extra.end(), [](std::uint32_t kind) { return kind != 0; }))
    return "";
  const std::uint32_t kind = pixel.extra[0];
  if (kind == 0) return "RGB";
  return kind == 1 || kind == 2 || (kind == 999 && count == 4 && !is_deep) ? "RGBA" : "";
}

std::string palette_mode(const Pixel& pixel) {
  const std::uint32_t depth = pixel.bits[0];
  if (pixel.bits.size() == 1 && pixel.extra.empty())
    return depth == 1 || depth == 2 || depth == 4 || depth == 8 ? "P" : "";
  if (pixel.bits.size() != 2 || pixel.extra.size() != 1 || !pixel.has_equal_bits(8)) return "";
  return pixel.extra[0] == 0 ? "P" : pixel.extra[0] == 2 ? "PA" : "";
}

std::string cmyk_mode(const Pixel& pixel) {
  const bool has_plain_extra = pixel.bits.size() == pixel.extra.size() + 4 &&
                               std::ranges::all_of(pixel.extra, [](std::uint32_t kind) { return kind == 0; });
  const bool has_known_depth = pixel.has_equal_bits(8) || (pixel.has_equal_bits(16) && pixel.extra.empty());
  return has_plain_extra && has_known_depth ? "CMYK" : "";
}

std::string mode_of(const Pixel& pixel) {
  if (pixel.bits.empty()) return "";
  const bool is_grey = pixel.photometric == kWhiteIsZero || pixel.photometric == kBlackIsZero;
  if (is_grey) return grey_mode_with_extra(pixel);
  if (pixel.sample_format != 1) return "";
  const bool is_triple = pixel.bits.size() == 3 && pixel.extra.empty() && pixel.has_equal_bits(8);
  switch (pixel.photometric) {
    case kRgb:
      return rgb_mode(pixel);
    case kPalette:
      return palette_mode(pixel);
    case kCmyk:
      return cmyk_mode(pixel);
    case kYcc:
      return is_triple ? "YCbCr" : pixel.bits.size() == 1 && pixel.has_equal_bits(8) ? "L" : "";
    case kLab:
      return is_triple ? "LAB" : "";
    default:
      return "";
  }
}

// Bits as a file should have them: one value for all samples, too many, and planes that mean nothing are
// common.
std::vector<std::uint32_t> bits_of(const Directory& directory, std::size_t samples) {
  auto bits = directory.all(kBitsPerSample);
  if (bits.empty()) bits = {1};
  if (bits.size() == 1 || bits.size() > samples) bits.resize(samples, bits[0]);
  return bits.size() == samples ? bits : std::vector<std::uint32_t>{};
}

Pixel pixel_of(const Directory& directory) {
  Pixel pixel;
  pixel.is_little = directory.is_little();
  const bool is_old_jpeg = directory.first(kCompression).value_or(1) == kJpegOfTiff6;
  pixel.photometric = is_old_jpeg ? kYcc : directory.first(kPhotometric).value_or(kWhiteIsZero);
  const auto formats = directory.all(kSampleFormat);
  const bool has_one_format = std::ranges::adjacent_find(formats, std::not_equal_to{}) == formats.end();
  if (!formats.empty()) pixel.sample_format = has_one_format ? formats[0] : 0;
  std::size_t samples = directory.first(kSamplesPerPixel).value_or(is_old_jpeg ? 3 : 1);
  if (samples > kMostSamples) return pixel;
  pixel.bits = bits_of(directory, samples);
  pixel.extra = directory.all(kExtraSamples);
  const bool are_planes = directory.first(kPlanar).value_or(1) == 2;
  if (are_planes && !pixel.extra.empty() && std::ranges::max(pixel.extra) == 0 &&
      pixel.bits.size() > pixel.extra.size()) {
    pixel.bits.resize(pixel.bits.size() - pixel.extra.size());
    pixel.extra.clear();
  }
  return pixel;
}

}  // namespace

ImageHeader read_tiff(HeaderBytes& bytes) {
  const Directory directory(bytes);
  ImageHeader header{directory.first(kWidth).value_or(0), directory.first(kHeight).value_or(0), "TIFF",
                     mode_of(pixel_of(directory))};
  const std::uint32_t orientation = directory.first(kOrientation).value_or(1);
  if (orientation >= 5 && orientation <= 8) std::swap(header.width, header.height);
  return header;
}

}  // namespace dfm::data
