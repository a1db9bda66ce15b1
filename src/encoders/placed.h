// What a pretrained network computes in and on.
#pragma once

#include "nn/torch_header.h"

namespace dfm::encoders {

struct Placed {
  at::ScalarType dtype = at::kFloat;
  at::Device device = at::kCPU;
};

}  // namespace dfm::encoders
