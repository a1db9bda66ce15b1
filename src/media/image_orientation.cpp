#include "media/image_orientation.h"

#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

namespace dfm::media {
namespace {

// x' = xx x + xy y, y' = yx x + yy y, up to a shift that keeps the picture in view; each is -1, 0 or 1.
struct Turn {
  int xx, xy, yx, yy;
};

std::optional<Turn> turn_of(const AVFrame& frame) {
  const AVFrameSideData* const matrix = av_frame_get_side_data(&frame, AV_FRAME_DATA_DISPLAYMATRIX);
  if (matrix == nullptr || matrix->size < 9 * sizeof(std::int32_t)) return std::nullopt;
  std::int32_t values[9];
  std::memcpy(values, matrix->data, sizeof values);
  const auto sign = [](std::int32_t value) { return (value > 0) - (value < 0); };
  const Turn turn{sign(values[0]), sign(values[3]), sign(values[1]), sign(values[4])};
  const bool right_angled = std::abs(turn.xx) + std::abs(turn.xy) == 1 &&
                            std::abs(turn.yx) + std::abs(turn.yy) == 1 &&
                            std::abs(turn.xx) + std::abs(turn.yx) == 1;
  return right_angled ? std::optional(turn) : std::nullopt;
}

}  // namespace

Image turn_upright(Image image, const AVFrame& frame) {
  const auto turn = turn_of(frame);
  if (!turn) return image;
  const bool swaps_sides = turn->xx == 0;
  Image turned = swaps_sides ? make_image(image.height, image.width) : make_image(image.width, image.height);
  const int shift_x = turn->xx + turn->xy < 0 ? turned.width - 1 : 0;
  const int shift_y = turn->yx + turn->yy < 0 ? turned.height - 1 : 0;
  const std::uint8_t* pixel = image.rgb.data();
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x, pixel += 3) {
      const auto to_x = static_cast<std::size_t>(turn->xx * x + turn->xy * y + shift_x);
      const auto to_y = static_cast<std::size_t>(turn->yx * x + turn->yy * y + shift_y);
      std::memcpy(&turned.rgb[3 * (to_y * static_cast<std::size_t>(turned.width) + to_x)], pixel, 3);
    }
  }
  return turned;
}

}  // namespace dfm::media
