// What a pretrained network computes in and on.
#pragma once

#include <string>

#include <fmt/core.h>

#include "nn/torch_header.h"

namespace dfm::encoders {

struct Placed {
  at::ScalarType dtype = at::kFloat;
  at::Device device = at::kCPU;
};

// What fingerprints of weights end in, since it decides the results, too. float32 is not named.
inline std::string precision_in_fingerprint(at::ScalarType dtype) {
  return dtype == at::kFloat ? "" : fmt::format(" {}", at::toString(dtype));
}

}  // namespace dfm::encoders
