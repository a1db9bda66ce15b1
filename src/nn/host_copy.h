// Float32 values between host memory and tensors, wherever these are: piece by piece through a little pinned
// memory where they are on a device, which may be larger than the host.
//
//   fill(tensor, [&](std::int64_t begin, std::span<float> out) { ... values from `begin` on ... });
//
//   const auto copier = std::make_shared<DeviceCopier>(device);   // the values as they are now
//   std::thread([=] { copier->copy(tensor, out); });              // beside what the device goes on with
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>

#include <c10/core/Event.h>
#include <c10/core/Stream.h>

#include "nn/torch_header.h"

namespace dfm::nn {

// The float32 elements of a contiguous tensor, wherever they are.
std::span<float> floats_of(const at::Tensor& tensor);

// Calls filler for consecutive ranges of a tensor with one dimension: for all of it at once on the CPU.
using Filler = std::function<void(std::int64_t begin, std::span<float> out)>;
void fill(const at::Tensor& values, const Filler& filler);

// A host tensor on a device, without waiting for it; the same tensor where it is there already.
at::Tensor to_device(const at::Tensor& host, const at::Device& device);

// Copies to the host on a stream of its own, what tensors held when this was made; they must not change
// until copy() returns. For one thread at a time.
class DeviceCopier {
 public:
  explicit DeviceCopier(const at::Device& device);

  // values: contiguous float32.
  void copy(const at::Tensor& values, std::span<float> out);

 private:
  struct Buffer {
    at::Tensor pinned;
    c10::Event is_full;
  };

  c10::Stream stream_;
  c10::Event made_;
  std::array<Buffer, 2> buffers_;
};

}  // namespace dfm::nn
