// Resizing against Pillow's files, and against the definition of each mode.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "media/image_resize.h"
#include "unit/media/pictures.h"
#include "unit/media/support.h"

namespace dfm::media {
namespace {

using ::testing::HasSubstr;

constexpr std::array kModes = {ResizeMode::bilinear, ResizeMode::bicubic, ResizeMode::nearest,
                               ResizeMode::area, ResizeMode::lanczos};

struct PillowCase {
  std::string mode;
  int width, height;
};

class PillowResize : public ::testing::TestWithParam<PillowCase> {};
TEST_P(PillowResize, AgreesWithPillow) {
  const auto& [mode, width, height] = GetParam();
  const Image resized =
      resize_and_crop(decode_golden("resize_source.png"), width, height, parse_resize_mode(mode));
  const Image expected =
      decode_golden("resize_" + mode + "_" + std::to_string(width) + "x" + std::to_string(height) + ".png");
  EXPECT_LE(largest_difference(resized, expected), mode == "nearest" ? 0 : 1);
}
INSTANTIATE_TEST_SUITE_P(Files, PillowResize,
                         ::testing::Values(PillowCase{"nearest", 16, 12}, PillowCase{"bilinear", 16, 12},
                                           PillowCase{"bicubic", 16, 12}, PillowCase{"lanczos", 16, 12},
                                           PillowCase{"nearest", 50, 60}, PillowCase{"bilinear", 50, 60},
                                           PillowCase{"bicubic", 50, 60}, PillowCase{"lanczos", 50, 60}));

TEST(Resize, ToTheSameSizeChangesNothing) {
  const Image image = random_image(31, 17, 1);
  for (const ResizeMode mode : kModes) EXPECT_EQ(resize_and_crop(image, 31, 17, mode), image);
}

TEST(Resize, KeepsAConstantColorAtEveryFactor) {
  for (const auto& [width, height] :
       {std::pair(3000, 2), std::pair(2, 3000), std::pair(60, 7), std::pair(1, 1)}) {
    const Image image = paint(width, height, [](int, int) { return rgb(1, 100, 255); });
    for (const ResizeMode mode : kModes) {
      EXPECT_EQ(resize_and_crop(image, 5, 4, mode), paint(5, 4, [](int, int) { return rgb(1, 100, 255); }));
    }
  }
}

TEST(Resize, DoesNotRunOutOfMemoryForAVeryLongPicture) {
  const Image image = make_image(1, 200000);
  EXPECT_EQ(resize_and_crop(image, 512, 512, ResizeMode::lanczos), make_image(512, 512));
}

TEST(NearestMode, RepeatsEachPixelWhenItDoubles) {
  const Image image{2, 2, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};
  const Image expected = paint(4, 4, [&](int x, int y) { return pixel(image, x / 2, y / 2); });
  EXPECT_EQ(resize_and_crop(image, 4, 4, ResizeMode::nearest), expected);
}

TEST(AreaMode, AveragesACheckerboardToGrey) {
  const Image board =
      paint(8, 8, [](int x, int y) { return (x + y) % 2 == 0 ? rgb(0, 0, 0) : rgb(200, 100, 50); });
  const Image grey = paint(4, 4, [](int, int) { return rgb(100, 50, 25); });
  EXPECT_EQ(resize_and_crop(board, 4, 4, ResizeMode::area), grey);
}

// The mean of the source between the borders of an output pixel.
double mean_between(const Image& row, double begin, double end, int channel) {
  double sum = 0;
  for (int x = 0; x < row.width; ++x) {
    sum += pixel(row, x, 0)[channel] * std::max(0.0, std::min(end, x + 1.0) - std::max(begin, x + 0.0));
  }
  return sum / (end - begin);
}

TEST(AreaMode, WeighsPixelsByTheirShareOfTheArea) {
  for (const auto& [from, to] : {std::pair(7, 3), std::pair(100, 37), std::pair(5, 4), std::pair(3, 8)}) {
    const Image row = random_image(from, 1, 5);
    const Image tall = paint(from, from, [&](int x, int) { return pixel(row, x, 0); });
    const Image resized = resize_and_crop(tall, to, to, ResizeMode::area);
    const double step = static_cast<double>(from) / to;
    for (int x = 0; x < to; ++x) {
      for (int channel = 0; channel < 3; ++channel) {
        EXPECT_NEAR(pixel(resized, x, 0)[channel], mean_between(row, x * step, (x + 1) * step, channel),
                    0.51);
      }
    }
  }
}

TEST(ResizeAndCrop, TakesTheMiddleOfTheLongerSide) {
  const Image wide = paint(12, 4, [](int x, int y) { return rgb(10 * x, 20 * y, 0); });
  EXPECT_EQ(resize_and_crop(wide, 4, 4, ResizeMode::bicubic), crop(wide, 4, 0, 4, 4));
  const Image high = paint(4, 12, [](int x, int y) { return rgb(10 * x, 20 * y, 0); });
  EXPECT_EQ(resize_and_crop(high, 4, 4, ResizeMode::bicubic), crop(high, 0, 4, 4, 4));
}

TEST(ResizeAndCrop, RefusesAnImpossibleSize) {
  const Image image = make_image(4, 4);
  for (const auto& [width, height] : {std::pair(0, 4), std::pair(4, -1), std::pair(1 << 20, 1 << 20)}) {
    EXPECT_THAT(data_error_of([&] { resize_and_crop(image, width, height, ResizeMode::area); }),
                HasSubstr("cannot have"));
  }
}

TEST(CropToMultiple, KeepsTheMiddle) {
  const Image image = random_image(37, 50, 2);
  EXPECT_EQ(crop_to_multiple(image, 16), crop(image, 2, 1, 32, 48));
  EXPECT_EQ(crop_to_multiple(crop(image, 0, 0, 32, 48), 16), crop(image, 0, 0, 32, 48));
}

TEST(CropToMultiple, RefusesAPictureThatIsTooSmall) {
  EXPECT_THAT(data_error_of([] { crop_to_multiple(make_image(100, 15), 16); }), HasSubstr("100 x 15"));
}

TEST(ResizeModeName, IsAUsageErrorWhenUnknown) {
  try {
    parse_resize_mode("cubic");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ExitCode::usage);
    EXPECT_THAT(error.hint(), HasSubstr("bicubic"));
  }
}

}  // namespace
}  // namespace dfm::media
