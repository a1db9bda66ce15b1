// Memory of the emulated GPU. Its addresses cannot be read or written: code of the host that follows one dies
// by a signal, as it would fail with a GPU. What the emulation computes with is a second view of the same
// memory. What nobody has written yet, and what was given back, holds NaN. Who writes behind the end of a
// block ends the process when that is given back.
#pragma once

#include <cstddef>
#include <cstdint>

#include <c10/core/Allocator.h>

namespace dfm::emulated {

c10::Allocator& device_allocator();
bool is_of_device(const void* address);
// The address at which the host sees what the device has at `address`; null for null.
void* host_view(const void* address);
// The other way round.
bool is_host_view(const void* address);

// While there is one, kernels run: the device's own addresses can be used.
class DeviceAccess {
 public:
  DeviceAccess();
  DeviceAccess(const DeviceAccess&) = delete;
  DeviceAccess& operator=(const DeviceAccess&) = delete;
  ~DeviceAccess();
};

std::int64_t most_bytes_allocated();

// Page-locked memory is such as came from here.
c10::Allocator& pinned_allocator();
bool is_pinned(const void* address);

}  // namespace dfm::emulated
