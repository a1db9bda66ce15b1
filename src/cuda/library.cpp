// The entry point of libdfm_cuda.so: choosing a device and asking for its memory. (nn/device.h loads it.)
#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <fmt/format.h>

#include "cuda/nccl_channel.h"
#include "nn/device_functions.h"

namespace dfm::cuda {
namespace {

using c10::CachingAllocator::StatType;

std::int64_t total_bytes(int index) {
  return static_cast<std::int64_t>(
      at::cuda::getDeviceProperties(static_cast<at::DeviceIndex>(index))->totalGlobalMem);
}

int count() { return c10::cuda::device_count(); }

void select(int index) {
  c10::cuda::set_device(static_cast<at::DeviceIndex>(index));
  at::globalContext().lazyInitDevice(at::kCUDA);
}

std::string describe(int index) {
  constexpr double kGiB = 1 << 30;
  return fmt::format("{} (cuda:{}), {:.0f} GiB",
                     at::cuda::getDeviceProperties(static_cast<at::DeviceIndex>(index))->name, index,
                     static_cast<double>(total_bytes(index)) / kGiB);
}

std::string identity(int index) {
  const auto& uuid = at::cuda::getDeviceProperties(static_cast<at::DeviceIndex>(index))->uuid;
  std::string text;
  for (const char byte : uuid.bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return text;
}

nn::DeviceMemory memory() {
  const auto device = c10::cuda::current_device();
  const auto all = c10::cuda::CUDACachingAllocator::getDeviceStats(device)
                       .allocated_bytes[static_cast<std::size_t>(StatType::AGGREGATE)];
  return {all.peak, total_bytes(device)};
}

void wait() { c10::cuda::device_synchronize(); }

constexpr nn::DeviceFunctions kFunctions{count,  select, describe,   identity,
                                         memory, wait,   channel_id, join_channel};

}  // namespace
}  // namespace dfm::cuda

extern "C" const dfm::nn::DeviceFunctions* dfm_device_functions() { return &dfm::cuda::kFunctions; }
