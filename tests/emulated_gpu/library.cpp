// The entry point that programs look for in libdfm_cuda.so.
#include <fmt/format.h>

#include "emulated_gpu/channel.h"
#include "emulated_gpu/counts.h"
#include "emulated_gpu/memory.h"
#include "emulated_gpu/streams.h"
#include "nn/device_functions.h"

namespace dfm::emulated {
namespace {

constexpr std::int64_t kTotalBytes = std::int64_t{16} << 30;

void select(int index) { set_current_device(static_cast<c10::DeviceIndex>(index)); }
std::string describe(int index) { return fmt::format("Emulated GPU (cuda:{}), 16 GiB", index); }
std::string identity(int index) { return fmt::format("emulated {}", index); }
nn::DeviceMemory memory() { return {most_bytes_allocated(), kTotalBytes}; }

void wait() {
  count_wait("the device");
  wait_for_device();
}

constexpr nn::DeviceFunctions kFunctions{device_count, select, describe,   identity,
                                         memory,       wait,   channel_id, join_channel};

}  // namespace
}  // namespace dfm::emulated

extern "C" const dfm::nn::DeviceFunctions* dfm_device_functions() { return &dfm::emulated::kFunctions; }
