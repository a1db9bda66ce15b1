// What LibTorch asks of CUDA beside kernels.
#include <ATen/detail/CUDAHooksInterface.h>

#include "emulated_gpu/memory.h"
#include "emulated_gpu/streams.h"

namespace dfm::emulated {
namespace {

struct Hooks : at::CUDAHooksInterface {
  explicit Hooks(at::CUDAHooksArgs /*none*/) {}

  void init() const override {}
  bool hasCUDA() const override { return true; }
  bool hasCUDART() const override { return true; }
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(at::DeviceIndex /*index*/) const override { return true; }
  int getNumGPUs() const override { return device_count(); }
  at::DeviceIndex deviceCount() const override { return static_cast<at::DeviceIndex>(device_count()); }
  at::DeviceIndex current_device() const override { return emulated::current_device(); }
  at::DeviceIndex getCurrentDevice() const override { return emulated::current_device(); }
  void setCurrentDevice(at::DeviceIndex index) const override { set_current_device(index); }
  void deviceSynchronize(at::DeviceIndex /*index*/) const override { wait_for_device(); }
  at::Device getDeviceFromPtr(void* address) const override {
    TORCH_CHECK(is_of_device(address), "the emulated GPU has no such address");
    return {at::kCUDA, emulated::current_device()};
  }
  bool isPinnedPtr(const void* address) const override { return is_pinned(address); }
  at::Allocator* getPinnedMemoryAllocator() const override { return &pinned_allocator(); }
  at::Allocator* getCUDADeviceAllocator() const override { return &device_allocator(); }
};

// By the name that LibTorch looks for.
using at::CUDAHooksRegistry;
using at::RegistererCUDAHooksRegistry;
C10_REGISTER_CLASS(CUDAHooksRegistry, CUDAHooks, Hooks);

}  // namespace
}  // namespace dfm::emulated
