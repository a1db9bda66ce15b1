// All emulated GPUs of a process are the same memory.
#pragma once

#include <c10/core/Device.h>

namespace c10::cuda {

struct CUDAGuard {
  explicit CUDAGuard(const Device& /*device*/) {}
};

}  // namespace c10::cuda
