// The kernels of this library are functions of raw device pointers and a stream that return at once; this is
// what their headers (modulation.h, head_norm.h, ...) share. Sizes are in elements. Whoever calls
// (operators_*.cpp) knows the tensors: ATen stays out of *.cu files, which then compile in a second.
//
// Element is float or __nv_bfloat16; arithmetic is in float32. Each kernel is compared with plain ATen in
// tests/cuda.
#pragma once

#include <cstdint>

#include <cuda_bf16.h>
#include <cuda_runtime_api.h>

namespace dfm::cuda {

// Rows of a matrix: row i begins at data + i * stride.
template <class Element>
struct RowsOf {
  Element* data;
  std::int64_t stride;
};

// Tokens of samples, one behind the other: sample i has [begins[i], begins[i + 1]), on the device.
struct Samples {
  const std::int64_t* begins;
  std::int64_t count;
};

}  // namespace dfm::cuda
