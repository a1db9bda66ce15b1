// The size of a sample as packing sees it: the shape of its latent and its rows of text.
#pragma once

#include <cstdint>

#include "core/array.h"

namespace dfm::data {

struct SampleShape {
  std::uint32_t channels = 0, frames = 0, height = 0, width = 0;  // of the latent
  std::uint32_t text_rows = 0;

  // Not so for a sample whose tensors could not be read: then all are 0.
  bool is_known() const { return channels != 0; }
  bool operator==(const SampleShape&) const = default;
};

struct TensorShapes {
  SampleShape shape;
  std::uint32_t text_width = 0;
};

// What the two tensors of a sample say together. latent: [C, T, H, W] or [1, C, T, H, W]; text: [S, width] or
// [1, S, width]. Throws a data error for other ranks and for dimensions of 0 or above 2^32 - 1.
TensorShapes sample_shapes(const Shape& latent, const Shape& text);

}  // namespace dfm::data
