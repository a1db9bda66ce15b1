#include "encoders/dct_codec.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "core/error.h"

namespace dfm::encoders {
namespace {

constexpr int kBlock = 8;
constexpr std::int64_t kChannels = kDctShape.channels;

// One latent channel: which plane (0 luma, 1 Cb, 2 Cr), which coefficient, and its typical deviation. The
// deviations lie between those of photographs and of line drawings.
struct Channel {
  int plane, vertical, horizontal;
  float deviation;
};

constexpr std::array<Channel, kChannels> kChannelTable{{
    {0, 0, 0, 4.0F},
    {0, 0, 1, 1.0F},
    {0, 1, 0, 1.0F},
    {0, 2, 0, 0.5F},
    {0, 1, 1, 0.6F},
    {0, 0, 2, 0.5F},
    {0, 0, 3, 0.3F},
    {0, 1, 2, 0.25F},
    {0, 2, 1, 0.25F},
    {0, 3, 0, 0.25F},
    {1, 0, 0, 1.2F},
    {1, 0, 1, 0.2F},
    {1, 1, 0, 0.2F},
    {2, 0, 0, 1.2F},
    {2, 0, 1, 0.2F},
    {2, 1, 0, 0.2F},
}};

// basis[k][x] of the orthonormal DCT-II.
std::array<std::array<float, kBlock>, kBlock> make_basis() {
  std::array<std::array<float, kBlock>, kBlock> basis{};
  for (int k = 0; k < kBlock; ++k) {
    const double norm = std::sqrt((k == 0 ? 1.0 : 2.0) / kBlock);
    for (int x = 0; x < kBlock; ++x) {
      basis[k][x] = static_cast<float>(norm * std::cos(std::numbers::pi * (x + 0.5) * k / kBlock));
    }
  }
  return basis;
}

using Planes = std::array<std::vector<float>, 3>;

// Full-range BT.601, all three planes in [-1, 1].
Planes to_planes(const media::Image& image) {
  Planes planes;
  const std::size_t pixels = image.rgb.size() / 3;
  for (auto& plane : planes) plane.resize(pixels);
  for (std::size_t i = 0; i < pixels; ++i) {
    const float r = static_cast<float>(image.rgb[3 * i]) / 127.5F - 1;
    const float g = static_cast<float>(image.rgb[3 * i + 1]) / 127.5F - 1;
    const float b = static_cast<float>(image.rgb[3 * i + 2]) / 127.5F - 1;
    const float y = 0.299F * r + 0.587F * g + 0.114F * b;
    planes[0][i] = y;
    planes[1][i] = (b - y) / 1.772F;
    planes[2][i] = (r - y) / 1.402F;
  }
  return planes;
}

// What is not a number becomes 0.
std::uint8_t to_byte(float value) {
  return static_cast<std::uint8_t>(std::fmin(std::fmax((value + 1) * 127.5F + 0.5F, 0.0F), 255.0F));
}

media::Image to_image(const Planes& planes, int width, int height) {
  media::Image image{width, height, std::vector<std::uint8_t>(planes[0].size() * 3)};
  for (std::size_t i = 0; i < planes[0].size(); ++i) {
    const float y = planes[0][i], cb = planes[1][i], cr = planes[2][i];
    const float r = y + 1.402F * cr, b = y + 1.772F * cb;
    image.rgb[3 * i] = to_byte(r);
    image.rgb[3 * i + 1] = to_byte((y - 0.299F * r - 0.114F * b) / 0.587F);
    image.rgb[3 * i + 2] = to_byte(b);
  }
  return image;
}

// Where a frame of a latent [C, T, H, W] lies.
struct LatentFrame {
  float* data;
  std::int64_t frame, frames, rows, columns;
  float& at(std::int64_t channel, std::int64_t row, std::int64_t column) const {
    return data[((channel * frames + frame) * rows + row) * columns + column];
  }
};

// Adds `weight` times the coefficients of an image to a latent frame.
void add_coefficients(const media::Image& image, float weight, const LatentFrame& latent) {
  static const auto basis = make_basis();
  const Planes planes = to_planes(image);
  for (std::int64_t channel = 0; channel < kChannels; ++channel) {
    const Channel& which = kChannelTable[channel];
    for (std::int64_t row = 0; row < latent.rows; ++row) {
      for (std::int64_t column = 0; column < latent.columns; ++column) {
        float sum = 0;
        for (int y = 0; y < kBlock; ++y) {
          const float* const line = &planes[which.plane][(row * kBlock + y) * image.width + column * kBlock];
          float along = 0;
          for (int x = 0; x < kBlock; ++x) along += line[x] * basis[which.horizontal][x];
          sum += along * basis[which.vertical][y];
        }
        latent.at(channel, row, column) += weight * sum / which.deviation;
      }
    }
  }
}

media::Image frame_from_coefficients(const LatentFrame& latent) {
  static const auto basis = make_basis();
  const auto width = static_cast<int>(latent.columns * kBlock),
             height = static_cast<int>(latent.rows * kBlock);
  Planes planes;
  for (auto& plane : planes) plane.assign(static_cast<std::size_t>(width) * height, 0.0F);
  for (std::int64_t channel = 0; channel < kChannels; ++channel) {
    const Channel& which = kChannelTable[channel];
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        const float coefficient = latent.at(channel, y / kBlock, x / kBlock) * which.deviation;
        planes[which.plane][static_cast<std::size_t>(y) * width + x] +=
            coefficient * basis[which.vertical][y % kBlock] * basis[which.horizontal][x % kBlock];
      }
    }
  }
  return to_image(planes, width, height);
}

Array encode_dct(const std::vector<media::Image>& frames) {
  ensure(!frames.empty(), "a codec needs at least one frame");
  const std::int64_t rows = frames[0].height / kBlock, columns = frames[0].width / kBlock;
  const std::int64_t count = latent_frames(static_cast<std::int64_t>(frames.size()));
  Array latent = make_array(DType::float32, {kChannels, count, rows, columns});
  for (std::size_t i = 0; i < frames.size(); ++i) {
    ensure(frames[i].height == rows * kBlock && frames[i].width == columns * kBlock,
           "frames are multiples of 8");
    const auto group = static_cast<std::int64_t>((i + kFramesInLatent - 1) / kFramesInLatent);
    add_coefficients(frames[i], i == 0 ? 1.0F : 1.0F / kFramesInLatent,
                     {latent.as<float>().data(), group, count, rows, columns});
  }
  return latent;
}

std::vector<media::Image> decode_dct(const Array& latent) {
  ensure(latent.dtype == DType::float32 && latent.shape.size() == 4 && latent.shape[0] == kChannels,
         "a codec decodes float32 [C, T, H, W]");
  Array copy = latent;
  std::vector<media::Image> frames;
  for (std::int64_t frame = 0; frame < latent.shape[1]; ++frame) {
    const media::Image image = frame_from_coefficients(
        {copy.as<float>().data(), frame, latent.shape[1], latent.shape[2], latent.shape[3]});
    frames.insert(frames.end(), frame == 0 ? 1 : kFramesInLatent, image);
  }
  return frames;
}

}  // namespace

Codec dct_codec() { return {kChannels, kBlock, encode_dct, decode_dct, "dct"}; }

}  // namespace dfm::encoders
