// Between pictures on the host and what the WAN 2.1 autoencoder takes and gives: [T, H, W, 3] in [-1, 1].
#pragma once

#include <span>
#include <vector>

#include "encoders/pretrained.h"
#include "media/image.h"

namespace dfm::encoders {

// All of one size.
at::Tensor to_pixels(std::span<const media::Image> frames, const Placed& placed);

// Clamped and rounded to bytes; what is not a number is black.
std::vector<media::Image> to_images(const at::Tensor& pixels);

}  // namespace dfm::encoders
