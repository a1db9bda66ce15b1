#include "encoders/wan_pixels.h"

#include <algorithm>

namespace dfm::encoders {
namespace {

constexpr double kHalfRange = 127.5;

}  // namespace

at::Tensor to_pixels(std::span<const media::Image> frames, const Placed& placed) {
  const media::Image& first = frames.front();
  at::Tensor bytes =
      at::empty({static_cast<std::int64_t>(frames.size()), first.height, first.width, 3}, at::kByte);
  auto* target = bytes.mutable_data_ptr<std::uint8_t>();
  for (const media::Image& frame : frames) target = std::ranges::copy(frame.rgb, target).out;
  return bytes.to(placed.device).to(at::kFloat).div_(kHalfRange).sub_(1).to(placed.dtype);
}

std::vector<media::Image> to_images(const at::Tensor& pixels) {
  const at::Tensor bytes = pixels.to(at::kFloat)
                               .clamp(-1, 1)
                               .add_(1)
                               .mul_(kHalfRange)
                               .round_()
                               .nan_to_num_(0)
                               .to(at::kByte)
                               .cpu()
                               .contiguous();
  std::vector<media::Image> frames(bytes.size(0));
  const auto* source = bytes.const_data_ptr<std::uint8_t>();
  for (media::Image& frame : frames) {
    frame = media::make_image(static_cast<int>(bytes.size(2)), static_cast<int>(bytes.size(1)));
    std::copy_n(source, frame.rgb.size(), frame.rgb.begin());
    source += frame.rgb.size();
  }
  return frames;
}

}  // namespace dfm::encoders
