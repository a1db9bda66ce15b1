// Pictures that are cut, damaged or hostile end in a data error that names them, never in anything else.
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "media/image_reader.h"
#include "unit/media/hand_made_png.h"
#include "unit/media/pictures.h"
#include "unit/media/support.h"

namespace dfm::media {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string error_of(std::string_view bytes) {
  return data_error_of([&] { decode_image(bytes_of(bytes), "the picture"); });
}

class CutPicture : public ::testing::TestWithParam<const char*> {};
TEST_P(CutPicture, IsRefusedWhereverItIsCut) {
  const std::string whole = golden(GetParam());
  // The last byte of a GIF only says that no more pictures follow.
  const std::size_t needed = whole.starts_with("GIF") ? whole.size() - 1 : whole.size();
  for (std::size_t size = 0; size < needed; ++size) {
    EXPECT_THAT(error_of(whole.substr(0, size)), StartsWith("the picture")) << size << " of " << needed;
  }
}
INSTANTIATE_TEST_SUITE_P(Files, CutPicture,
                         ::testing::Values("rgb.png", "palette.png", "photo.jpg", "progressive.jpg",
                                           "orientation_6.jpg", "photo.webp", "rgb.webp", "rgb.bmp",
                                           "rgb.tiff", "deflate.tiff", "palette.gif"));

class DamagedPicture : public ::testing::TestWithParam<const char*> {};
TEST_P(DamagedPicture, IsDecodedOrRefused) {
  const unsigned seed = std::random_device()();
  std::mt19937 engine(seed);
  const std::string whole = golden(GetParam());
  for (int round = 0; round < 300; ++round) {
    std::string damaged = whole;
    for (unsigned count = 1 + engine() % 8; count > 0; --count) {
      damaged[engine() % damaged.size()] = static_cast<char>(engine() & 0xFFU);
    }
    const std::string error = error_of(damaged);
    EXPECT_TRUE(error == "no error" || error.starts_with("the picture")) << error << " with seed " << seed;
  }
}
INSTANTIATE_TEST_SUITE_P(Files, DamagedPicture,
                         ::testing::Values("rgb.png", "palette.png", "photo.jpg", "progressive.jpg",
                                           "cmyk.jpg", "orientation_6.jpg", "photo.webp", "rgba.webp",
                                           "rgb.bmp", "palette.bmp", "rgb.tiff", "deflate.tiff",
                                           "palette.gif"));

TEST(RandomBytes, AreRefusedBehindEveryMagicNumber) {
  const unsigned seed = std::random_device()();
  for (const std::string_view name :
       {"rgb.png", "photo.jpg", "photo.webp", "rgb.bmp", "rgb.tiff", "palette.gif", ""}) {
    const std::string start = name.empty() ? "" : golden(std::string(name)).substr(0, 12);
    EXPECT_THAT(error_of(start + random_text(5000, seed)), StartsWith("the picture"))
        << name << " with seed " << seed;
  }
}

TEST(UnknownBytes, AreNamedAsSuch) {
  EXPECT_THAT(error_of("hello"), HasSubstr("is none of PNG, JPEG, WebP, BMP, TIFF and GIF"));
  EXPECT_THAT(error_of(""), HasSubstr("is none of"));
  EXPECT_THAT(error_of("RIFF1234WAVE"), HasSubstr("is none of"));
}

TEST(AnimatedWebP, IsNamedAsSuch) {
  EXPECT_THAT(error_of(golden("animated.webp")), HasSubstr("animated WebP"));
}

TEST(HandMadePng, HasThePixelsThatWerePutIn) {
  const std::string rows("\0\x01\x02\x03\xFF\xFE\xFD", 7);  // one row of two pixels, no filter
  const Image image = decode_image(bytes_of(hand_made_png(2, 1, rows)), "hand-made");
  EXPECT_EQ(image, (Image{2, 1, {1, 2, 3, 255, 254, 253}}));
}

TEST(GiantPng, IsRefusedBeforeMemoryIsTaken) {
  EXPECT_THAT(error_of(hand_made_png(100000, 100000, "")),
              AllOf(StartsWith("the picture"), HasSubstr("size")));
  EXPECT_THAT(error_of(hand_made_png(0x7FFFFFFF, 0x7FFFFFFF, "")), StartsWith("the picture"));
  EXPECT_THAT(error_of(hand_made_png(0, 5, "")), StartsWith("the picture"));
}

TEST(DamagedPng, IsRefusedByItsChecksum) {
  std::string png = golden("rgb.png");
  png[45] = static_cast<char>(png[45] ^ 1);
  EXPECT_THAT(error_of(png), StartsWith("the picture"));
}

TEST(LogOfLibav, StaysOffStandardError) {
  ::testing::internal::CaptureStderr();
  error_of(golden("photo.jpg").substr(0, 300));
  error_of(golden("rgb.png").substr(0, 60));
  error_of(hand_made_png(100000, 100000, ""));
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace dfm::media
