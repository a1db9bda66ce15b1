// What libdfm_cuda.so offers beside its kernels, which LibTorch finds by themselves (nn/operators.h). Reach
// it through nn/device.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "comm/device_channel.h"

namespace dfm::nn {

// Bytes of the device's memory that this process holds in tensors.
struct DeviceMemory {
  std::int64_t most_bytes = 0;   // at any time
  std::int64_t total_bytes = 0;  // of the device
};

struct DeviceFunctions {
  int (*count)();
  // Makes it the one that this thread's kernels and allocations go to. Throws what CUDA says.
  void (*select)(int index);
  std::string (*describe)(int index);
  // The same for a piece of hardware whatever number a process knows it by.
  std::string (*identity)(int index);
  DeviceMemory (*memory)();
  // Returns when all that was asked of the device is done.
  void (*wait)();
  // Channels between devices: one rank makes an id, with which all join.
  std::string (*channel_id)();
  std::shared_ptr<comm::DeviceChannel> (*join_channel)(const std::string& id, int rank, int ranks);
};

}  // namespace dfm::nn

// What a program looks for in the library.
extern "C" const dfm::nn::DeviceFunctions* dfm_device_functions();
