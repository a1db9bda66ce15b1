// What the optimizer does to every element, on the device of the tensors: the update of AdamW in one pass,
// and the sum of squares of gradients. Nothing here waits for a device.
//
//   const at::Tensor squares = sum_of_squares(gradients, device);         // float64, on the device
//   update_by_adam(segments, adam_step(settings, step, rate), scale);     // scale: float32, on the device
#pragma once

#include <vector>

#include "nn/torch_header.h"

namespace dfm::train {

// A run of elements and their state, all of the same length and on one device.
struct AdamSegment {
  at::Tensor weights;   // float32, as are the moments
  at::Tensor gradient;  // float32 or bfloat16
  at::Tensor first_moment, second_moment;
  at::Tensor average;  // float32; undefined without a moving average
  at::Tensor
      published;  // gets the new weights, rounded where it is bfloat16; undefined where none wants them
  bool decays = true;
};

// What is common to all elements.
struct AdamStep {
  double beta1, beta2, epsilon;
  double rate;             // learning rate over the correction of the first moment
  double root_correction;  // of the root of the second moment
  double decay;            // factor of weights that decay
  double average_rate;     // how far the moving average goes towards the new weights
};

// m += (1 - beta1) (g - m), v = beta2 v + (1 - beta2) g^2, w = decay w - rate m / (root_correction sqrt(v) +
// epsilon) with g = gradient_scale * gradient, in float32. gradient_scale: float32, one element, on the
// device of the weights. Either all segments have an average or none has; the same for `published`.
void update_by_adam(const std::vector<AdamSegment>& segments, const AdamStep& step,
                    const at::Tensor& gradient_scale);

// Of all elements of the tensors, each float32 or bfloat16 and contiguous: float64 [], on the device. The
// result does not depend on the number of threads.
at::Tensor sum_of_squares(const std::vector<at::Tensor>& tensors, const at::Device& device);

}  // namespace dfm::train
