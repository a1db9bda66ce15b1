#include "media/image_ending.h"

#include <algorithm>
#include <cstdint>

namespace dfm::media {
namespace {

// Reads past the end give zeros; past_end() tells.
class Walk {
 public:
  explicit Walk(std::span<const std::byte> bytes) : bytes_(bytes) {}

  bool past_end() const { return position_ > bytes_.size(); }
  void skip(std::size_t count) { position_ += count; }
  unsigned byte() {
    const std::size_t here = position_++;
    return here < bytes_.size() ? std::to_integer<unsigned>(bytes_[here]) : 0;
  }
  void skip_to(unsigned value) {
    const auto rest = bytes_.subspan(std::min(position_, bytes_.size()));
    const auto found = std::ranges::find(rest, static_cast<std::byte>(value));
    position_ += found == rest.end() ? rest.size() + 1 : static_cast<std::size_t>(found - rest.begin());
  }

 private:
  std::span<const std::byte> bytes_;
  std::size_t position_ = 0;
};

// The code after the next 0xFF that introduces one; 0 past the end. Entropy-coded data is passed over: in it,
// 0xFF is followed by 0 or by a restart marker.
unsigned next_jpeg_marker(Walk& walk) {
  while (!walk.past_end()) {
    walk.skip_to(0xFF);
    unsigned code = walk.byte();
    while (code == 0xFF) code = walk.byte();
    const bool is_restart = code >= 0xD0 && code <= 0xD7;
    if (code != 0 && !is_restart) return code;
  }
  return 0;
}

void skip_gif_sub_blocks(Walk& walk) {
  for (unsigned size = walk.byte(); size != 0; size = walk.byte()) walk.skip(size);
}

void skip_gif_color_table(Walk& walk, unsigned flags) {
  if ((flags & 0x80U) != 0) walk.skip(std::size_t{3} << ((flags & 7U) + 1));
}

}  // namespace

bool jpeg_has_end(std::span<const std::byte> bytes) {
  static constexpr unsigned kStart = 0xD8, kEnd = 0xD9, kTemporary = 0x01;
  Walk walk(bytes);
  while (!walk.past_end()) {
    const unsigned marker = next_jpeg_marker(walk);
    if (marker == kEnd) return !walk.past_end();
    if (marker == kStart || marker == kTemporary) continue;
    const unsigned high = walk.byte();
    const unsigned length = high << 8U | walk.byte();
    walk.skip(length < 2 ? 0 : length - 2);
  }
  return false;
}

bool gif_has_first_picture(std::span<const std::byte> bytes) {
  static constexpr unsigned kExtension = 0x21, kPicture = 0x2C;
  Walk walk(bytes);
  walk.skip(10);  // signature and size
  const unsigned screen_flags = walk.byte();
  walk.skip(2);
  skip_gif_color_table(walk, screen_flags);
  unsigned block = walk.byte();
  for (; block == kExtension && !walk.past_end(); block = walk.byte()) {
    walk.skip(1);
    skip_gif_sub_blocks(walk);
  }
  if (block != kPicture) return false;
  walk.skip(8);
  const unsigned picture_flags = walk.byte();
  skip_gif_color_table(walk, picture_flags);
  walk.skip(1);  // code size
  skip_gif_sub_blocks(walk);
  return !walk.past_end();
}

}  // namespace dfm::media
