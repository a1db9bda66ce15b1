// Pictures that Pillow wrote (tests/golden/media), compared with their formulas and with Pillow's own
// reading.
#include <functional>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "media/image_reader.h"
#include "unit/media/pictures.h"
#include "unit/media/support.h"

extern "C" {
#include <libavutil/cpu.h>
}

namespace dfm::media {
namespace {

Image grey_pattern() {
  return paint(6, 4, [](int x, int) { return rgb(50 * x, 50 * x, 50 * x); });
}

Image bilevel_pattern() {
  return paint(6, 4, [](int x, int) { return 50 * x > 120 ? rgb(255, 255, 255) : rgb(0, 0, 0); });
}

class LosslessPicture : public ::testing::TestWithParam<const char*> {};
TEST_P(LosslessPicture, HasExactlyThePixelsThatWereWritten) {
  EXPECT_EQ(decode_golden(GetParam()), pattern());
}
INSTANTIATE_TEST_SUITE_P(Files, LosslessPicture,
                         ::testing::Values("rgb.png", "rgb48.png", "palette.png", "rgb.bmp", "palette.bmp",
                                           "rgb.tiff", "deflate.tiff", "rgb.webp", "palette.gif",
                                           "animated.gif"));

class GreyPicture : public ::testing::TestWithParam<const char*> {};
TEST_P(GreyPicture, HasThreeEqualChannels) { EXPECT_EQ(decode_golden(GetParam()), grey_pattern()); }
INSTANTIATE_TEST_SUITE_P(Files, GreyPicture, ::testing::Values("grey.png", "grey16.png"));

class BilevelPicture : public ::testing::TestWithParam<const char*> {};
TEST_P(BilevelPicture, IsBlackAndWhite) { EXPECT_EQ(decode_golden(GetParam()), bilevel_pattern()); }
INSTANTIATE_TEST_SUITE_P(Files, BilevelPicture, ::testing::Values("bilevel.png", "bilevel.tiff"));

class TranslucentPicture : public ::testing::TestWithParam<const char*> {};
TEST_P(TranslucentPicture, ShowsWhiteInProportion) {
  const Image image = decode_golden(GetParam());
  for (int x = 0; x < 6; ++x) {
    const double alpha = x / 5.0;  // in the first row only
    EXPECT_NEAR(pixel(image, x, 0)[0], alpha * 50 * x + (1 - alpha) * 255, 0.51);
    EXPECT_EQ(pixel(image, x, 3), rgb(50 * x, 240, 10 * (x + 3)));
  }
}
INSTANTIATE_TEST_SUITE_P(Files, TranslucentPicture, ::testing::Values("rgba.png", "rgba.webp"));

class TransparentColor : public ::testing::TestWithParam<const char*> {};
TEST_P(TransparentColor, ShowsWhite) {
  const Image image = decode_golden(GetParam());
  EXPECT_EQ(pixel(image, 0, 0), rgb(255, 255, 255));
  EXPECT_EQ(pixel(image, 1, 0), rgb(50, 0, 10));
}
INSTANTIATE_TEST_SUITE_P(Files, TransparentColor, ::testing::Values("transparent.png", "transparent.gif"));

TEST(DeepPicture, ShowsWhiteWhereItIsTransparent) {
  EXPECT_EQ(pixel(decode_golden("rgba64.png"), 3, 0), rgb(255, 255, 255));
  EXPECT_EQ(pixel(decode_golden("rgba64.png"), 3, 2), rgb(150, 160, 50));
  EXPECT_EQ(pixel(decode_golden("grey_alpha_32.png"), 3, 0), rgb(255, 255, 255));
  EXPECT_EQ(pixel(decode_golden("grey_alpha_32.png"), 3, 2), rgb(150, 150, 150));
}

class LossyPicture : public ::testing::TestWithParam<const char*> {};
TEST_P(LossyPicture, IsNearToWhatWasWritten) {
  const Image image = decode_golden(GetParam());
  ASSERT_EQ(image.width, 33);
  ASSERT_EQ(image.height, 21);
  EXPECT_LT(mean_difference(image, photo()), 2.0);
}
INSTANTIATE_TEST_SUITE_P(Files, LossyPicture,
                         ::testing::Values("photo.jpg", "photo_444.jpg", "progressive.jpg", "cmyk.jpg",
                                           "photo.webp"));

// Chroma is stored for blocks of 2 x 2 pixels here, and the sides are odd: half a pixel of displacement would
// show.
TEST(SubsampledChroma, IsPlacedWherePillowPlacesIt) {
  EXPECT_LT(mean_difference(decode_golden("photo.jpg"), decode_golden("photo_jpg_by_pillow.png")), 0.3);
  EXPECT_LT(mean_difference(decode_golden("photo.webp"), decode_golden("photo_webp_by_pillow.png")), 0.3);
}

// Exif 2.3, tag 274: which pixel of the stored picture is shown at (x, y)?
TEST(Orientation, TurnsAJpegUpright) {
  const Image stored = decode_golden("orientation_1.jpg");
  const int right = stored.width - 1;
  const int bottom = stored.height - 1;
  using Place = std::pair<int, int>;
  const std::vector<std::function<Place(int, int)>> stored_place = {
      [&](int x, int y) { return Place(x, y); },
      [&](int x, int y) { return Place(right - x, y); },
      [&](int x, int y) { return Place(right - x, bottom - y); },
      [&](int x, int y) { return Place(x, bottom - y); },
      [&](int x, int y) { return Place(y, x); },
      [&](int x, int y) { return Place(y, bottom - x); },
      [&](int x, int y) { return Place(right - y, bottom - x); },
      [&](int x, int y) { return Place(right - y, x); },
  };
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const bool swaps = orientation >= 5;
    const Image expected =
        paint(swaps ? stored.height : stored.width, swaps ? stored.width : stored.height, [&](int x, int y) {
          const auto [from_x, from_y] = stored_place[orientation - 1](x, y);
          return pixel(stored, from_x, from_y);
        });
    EXPECT_EQ(decode_golden("orientation_" + std::to_string(orientation) + ".jpg"), expected) << orientation;
  }
}

class AnyProcessor : public ::testing::TestWithParam<const char*> {};
TEST_P(AnyProcessor, GivesTheSamePixels) {
  const Image with_vector_code = decode_golden(GetParam());
  av_force_cpu_flags(0);
  const Image without = decode_golden(GetParam());
  av_force_cpu_flags(-1);
  EXPECT_EQ(with_vector_code, without);
}
INSTANTIATE_TEST_SUITE_P(Files, AnyProcessor,
                         ::testing::Values("photo.jpg", "photo_444.jpg", "progressive.jpg", "cmyk.jpg",
                                           "grey.jpg", "photo.webp", "rgba.webp", "rgba.png", "palette.png"));

}  // namespace
}  // namespace dfm::media
