// Which source pixels make an output pixel along one side of a picture, and how much each counts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "media/image_resize.h"

namespace dfm::media {

// Output pixel i has its centre at source_length / 2 + (i + 1/2 - output_length / 2) step, in source pixels;
// the step is the fraction step_numerator / step_denominator.
struct ResampledSide {
  std::int64_t source_length, output_length;
  std::int64_t step_numerator, step_denominator;
};

// Weights are fractions of 2^22: with them a sum of 8-bit values that overshoots still fits 32 bits.
inline constexpr int kWeightBits = 22;

struct ResampleTable {
  struct Taps {
    int first_pixel;
    std::size_t first_weight;
    int count;
  };
  std::vector<Taps> taps;             // one for each output pixel
  std::vector<std::int32_t> weights;  // those of a pixel sum to exactly 2^22
};

ResampleTable make_resample_table(const ResampledSide& side, ResizeMode mode);

}  // namespace dfm::media
