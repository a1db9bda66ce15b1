// Random tensors on any device, with the numbers of core/philox.h: the same bits of the generator
// everywhere, and normals that a GPU gives to one unit in the last place.
#pragma once

#include <cstdint>

#include "core/philox.h"
#include "nn/torch_header.h"

namespace dfm::nn {

// What is drawn: the elements from `first` on of a stream's thing.
struct Draw {
  std::uint64_t seed;
  Stream stream;
  std::uint64_t key;
  std::uint64_t first = 0;
};

// Fills out, float32 and contiguous, with standard normals: element i is Philox(...).normal(first + i).
void fill_with_normals(const at::Tensor& out, const Draw& draw);

// Fills out, int32 and contiguous, with random bits: those of Philox(...).bits(first + i).
void fill_with_bits(const at::Tensor& out, const Draw& draw);

}  // namespace dfm::nn
