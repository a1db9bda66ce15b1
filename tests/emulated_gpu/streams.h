// Streams and events of the emulated GPU. What is queued is done at once, but for copies to page-locked host
// memory that nobody waits for: what they bring is there only when their stream or an event behind them was
// waited for; until then, the memory holds NaN.
#pragma once

#include <functional>

#include <c10/core/Device.h>

namespace dfm::emulated {

int device_count();
c10::DeviceIndex current_device();  // of the calling thread
void set_current_device(c10::DeviceIndex index);

// Queues on the calling thread's current stream.
void deliver_later(std::function<void()> delivery);
// Delivers what that stream has queued, as a copy does that the host waits for.
void wait_for_current_stream();
void wait_for_device();

}  // namespace dfm::emulated
