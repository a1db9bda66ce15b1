// The dct codec against the definition of the cosine transform in float64, pixel by pixel.
#include <cmath>
#include <limits>
#include <numbers>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "encoders/codec.h"
#include "support/seed.h"

namespace dfm::encoders {
namespace {

using media::Image;
using ::testing::HasSubstr;

const Codec& dct() {
  static const Codec codec = make_codec("dct", {});
  return codec;
}

Image random_image(int width, int height, std::uint32_t seed) {
  std::mt19937 engine(seed);
  Image image = media::make_image(width, height);
  for (auto& byte : image.rgb) byte = static_cast<std::uint8_t>(engine());
  return image;
}

// Slow gradients in all colours, as between the edges of a photograph.
Image smooth_image(int width, int height) {
  Image image = media::make_image(width, height);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      std::uint8_t* const pixel = &image.rgb[3 * static_cast<std::size_t>(y * width + x)];
      pixel[0] = static_cast<std::uint8_t>(128 + 100 * std::sin(x * 0.05));
      pixel[1] = static_cast<std::uint8_t>(128 + 100 * std::cos(y * 0.07));
      pixel[2] = static_cast<std::uint8_t>(128 + 50 * std::sin((x + y) * 0.06));
    }
  }
  return image;
}

// One plane of full-range BT.601 at a pixel: 0 luma, 1 Cb, 2 Cr, in [-1, 1].
double plane_value(const Image& image, int plane, std::int64_t y, std::int64_t x) {
  const std::uint8_t* const p = &image.rgb[3 * static_cast<std::size_t>(y * image.width + x)];
  const double luma = 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];
  if (plane == 0) return luma / 127.5 - 1;
  return plane == 1 ? (p[2] - luma) / 1.772 / 127.5 : (p[0] - luma) / 1.402 / 127.5;
}

// The orthonormal DCT-II coefficient (v, h) of the 8 x 8 block at (row, column).
double coefficient(const Image& image, int plane, int v, int h, std::int64_t row, std::int64_t column) {
  const auto basis = [](int k, int x) {
    return std::sqrt((k == 0 ? 1.0 : 2.0) / 8) * std::cos(std::numbers::pi * (2 * x + 1) * k / 16);
  };
  double sum = 0;
  for (int y = 0; y < 8; ++y) {
    for (int x = 0; x < 8; ++x) {
      sum += basis(v, y) * basis(h, x) * plane_value(image, plane, 8 * row + y, 8 * column + x);
    }
  }
  return sum;
}

// The channels in the order of the JPEG zig-zag, 10 of luma, then 3 of Cb and 3 of Cr; with what each is
// divided by.
struct Channel {
  int plane, vertical, horizontal;
  double divisor;
};
const std::vector<Channel> kChannels{{0, 0, 0, 4.0},  {0, 0, 1, 1.0},  {0, 1, 0, 1.0}, {0, 2, 0, 0.5},
                                     {0, 1, 1, 0.6},  {0, 0, 2, 0.5},  {0, 0, 3, 0.3}, {0, 1, 2, 0.25},
                                     {0, 2, 1, 0.25}, {0, 3, 0, 0.25}, {1, 0, 0, 1.2}, {1, 0, 1, 0.2},
                                     {1, 1, 0, 0.2},  {2, 0, 0, 1.2},  {2, 0, 1, 0.2}, {2, 1, 0, 0.2}};

float at(const Array& latent, std::int64_t c, std::int64_t t, std::int64_t y, std::int64_t x) {
  const Shape& s = latent.shape;
  return latent.as<float>()[static_cast<std::size_t>(((c * s[1] + t) * s[2] + y) * s[3] + x)];
}

TEST(DctCodec, GivesTheCosineTransformOfEachBlock) {
  const std::uint32_t seed = testing::announced_seed();
  const Image image = random_image(40, 24, seed);
  const Array latent = dct().encode({image});
  ASSERT_EQ(latent.shape, (Shape{16, 1, 3, 5}));
  for (std::size_t c = 0; c < kChannels.size(); ++c) {
    const Channel& channel = kChannels[c];
    for (std::int64_t row = 0; row < 3; ++row) {
      for (std::int64_t column = 0; column < 5; ++column) {
        EXPECT_NEAR(at(latent, static_cast<std::int64_t>(c), 0, row, column) * channel.divisor,
                    coefficient(image, channel.plane, channel.vertical, channel.horizontal, row, column),
                    2e-6)
            << "channel " << c;
      }
    }
  }
}

TEST(DctCodec, TakesTheFirstFrameAloneAndThenTheMeanOfEachFour) {
  std::vector<Image> frames;
  for (std::uint32_t i = 0; i < 9; ++i) frames.push_back(random_image(16, 8, i));
  const Array latent = dct().encode(frames);
  ASSERT_EQ(latent.shape, (Shape{16, 3, 1, 2}));
  for (std::int64_t c = 0; c < 16; ++c) {
    EXPECT_EQ(at(latent, c, 0, 0, 1), at(dct().encode({frames[0]}), c, 0, 0, 1));
    for (std::size_t group = 0; group < 2; ++group) {
      double mean = 0;
      for (std::size_t i = 1; i <= 4; ++i)
        mean += at(dct().encode({frames[4 * group + i]}), c, 0, 0, 1) / 4.0;
      EXPECT_NEAR(at(latent, c, static_cast<std::int64_t>(group) + 1, 0, 1), mean, 1e-5);
    }
  }
}

TEST(DctCodec, HasTheGeometryOfTheRealOnes) {
  const std::vector<Image> frames(5, random_image(48, 32, 1));
  const Array latent = dct().encode(frames);
  EXPECT_EQ(dct().channels, 16);
  EXPECT_EQ(dct().spatial_stride, 8);
  EXPECT_EQ(latent.dtype, DType::float32);
  EXPECT_EQ(latent.shape, (Shape{16, 2, 4, 6}));
  const auto decoded = dct().decode(latent);
  ASSERT_EQ(decoded.size(), 5U);
  for (const Image& frame : decoded) {
    EXPECT_EQ(frame.width, 48);
    EXPECT_EQ(frame.height, 32);
    EXPECT_EQ(frame.rgb.size(), 48U * 32 * 3);
  }
}

TEST(DctCodec, BringsSmoothPicturesBackAlmostUnchanged) {
  const Image image = smooth_image(128, 96);
  const Image back = dct().decode(dct().encode({image})).at(0);
  double squares = 0;
  int worst = 0;
  for (std::size_t i = 0; i < image.rgb.size(); ++i) {
    const int error = std::abs(image.rgb[i] - back.rgb[i]);
    squares += error * error;
    worst = std::max(worst, error);
  }
  EXPECT_LT(std::sqrt(squares / static_cast<double>(image.rgb.size())), 1.5);
  EXPECT_LE(worst, 5);
}

TEST(DctCodec, EncodesWhatItDecodedToTheSameLatent) {
  // Rounding to bytes moves a coefficient by a normal error of deviation 8 / (127.5 sqrt(12) 8).
  const Array latent = dct().encode({smooth_image(64, 64)});
  const Array again = dct().encode(dct().decode(latent));
  for (std::size_t i = 0; i < latent.as<float>().size(); ++i) {
    EXPECT_NEAR(again.as<float>()[i], latent.as<float>()[i], 0.08);
  }
}

TEST(DctCodec, GreyPicturesHaveNoChroma) {
  Image image = random_image(32, 16, 3);
  for (std::size_t i = 0; i < image.rgb.size(); ++i) image.rgb[i] = image.rgb[i / 3 * 3];
  const Array latent = dct().encode({image});
  for (std::int64_t c = 10; c < 16; ++c) {
    for (std::int64_t i = 0; i < 8; ++i) EXPECT_NEAR(at(latent, c, 0, i / 4, i % 4), 0, 1e-5);
  }
}

TEST(DctCodec, AUniformPictureIsItsMeanAlone) {
  Image white = media::make_image(16, 16);
  for (auto& byte : white.rgb) byte = 255;
  const Array latent = dct().encode({white});
  EXPECT_NEAR(at(latent, 0, 0, 0, 0), 8.0 / 4.0, 1e-5);  // 8 times the mean, over the divisor
  for (std::int64_t c = 1; c < 16; ++c) EXPECT_NEAR(at(latent, c, 0, 1, 1), 0, 1e-5);
}

TEST(DctCodec, DecodesWhatIsOutOfRangeToValidPictures) {
  Array latent = make_array(DType::float32, {16, 1, 2, 2});
  for (float& x : latent.as<float>()) x = 1e30F;
  EXPECT_EQ(dct().decode(latent).at(0).rgb.size(), 16U * 16 * 3);
  for (float& x : latent.as<float>()) x = std::numeric_limits<float>::quiet_NaN();
  const Image black = dct().decode(latent).at(0);
  EXPECT_THAT(black.rgb, ::testing::Each(0));
}

TEST(DctCodec, RefusesLatentsOfAnotherForm) {
  EXPECT_THROW(dct().decode(make_array(DType::float32, {15, 1, 2, 2})), Error);
  EXPECT_THROW(dct().decode(make_array(DType::float32, {16, 2, 2})), Error);
  EXPECT_THROW(dct().decode(make_array(DType::float16, {16, 1, 2, 2})), Error);
}

TEST(DctCodec, RefusesFramesItCannotCut) {
  EXPECT_THROW(dct().encode({}), Error);
  EXPECT_THROW(dct().encode({random_image(12, 8, 1)}), Error);
  std::vector<Image> mixed(5, random_image(16, 16, 1));
  mixed[3] = random_image(24, 16, 1);
  EXPECT_THROW(dct().encode(mixed), Error);
}

TEST(LatentFrames, AreOneAndAQuarterOfTheRest) {
  EXPECT_EQ(latent_frames(1), 1);
  EXPECT_EQ(latent_frames(5), 2);
  EXPECT_EQ(latent_frames(81), 21);
  EXPECT_EQ(latent_frames(121), 31);
}

TEST(LatentFrames, RefuseOtherCountsAndNameTheNextLower) {
  for (const auto& [frames, hint] : {std::pair{0, "use 1 frames"}, std::pair{-3, "use 1 frames"},
                                     std::pair{80, "use 77 frames"}, std::pair{6, "use 5 frames"}}) {
    try {
      latent_frames(frames);
      FAIL() << frames;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ExitCode::usage);
      EXPECT_THAT(error.hint(), HasSubstr(hint));
    }
  }
}

TEST(FirstLatentFrame, IsWhatTheFirstPictureIsDecodedFrom) {
  std::vector<Image> video;
  for (std::uint32_t i = 0; i < 5; ++i) video.push_back(random_image(16, 8, i));
  const Array latent = dct().encode(video), first = first_latent_frame(latent);
  EXPECT_EQ(first.shape, (Shape{16, 1, 1, 2}));
  EXPECT_EQ(dct().decode(first).at(0).rgb, dct().decode(latent).at(0).rgb);
}

TEST(MakeCodec, RefusesNamesItDoesNotKnow) {
  try {
    make_codec("jpeg", {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ExitCode::usage);
    EXPECT_THAT(error.what(), HasSubstr("'jpeg'"));
    EXPECT_THAT(error.hint(), HasSubstr("dct"));
  }
}

}  // namespace
}  // namespace dfm::encoders
