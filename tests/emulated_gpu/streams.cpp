#include "emulated_gpu/streams.h"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <limits>
#include <map>
#include <mutex>
#include <string>

#include <c10/core/impl/DeviceGuardImplInterface.h>

#include "emulated_gpu/immortal.h"

namespace dfm::emulated {
namespace {

using c10::Device;
using c10::Stream;
using c10::StreamId;

constexpr std::uint64_t kAll = std::numeric_limits<std::uint64_t>::max();

thread_local c10::DeviceIndex device_index = 0;
thread_local StreamId stream_id = 0;

Device device_of(c10::DeviceIndex index) { return {c10::kCUDA, index}; }
Stream current_stream(Device device) { return Stream(Stream::UNSAFE, device, stream_id); }

struct Delivery {
  std::uint64_t number;
  std::function<void()> work;
};

// What is on its way to the host.
class Deliveries {
 public:
  void add(StreamId stream, std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    queued_[stream].push_back({next_++, std::move(work)});
  }

  std::uint64_t next() {
    const std::lock_guard lock(mutex_);
    return next_;
  }

  // Those with numbers below `end`.
  void deliver(StreamId stream, std::uint64_t end) {
    const std::lock_guard lock(mutex_);
    auto& queue = queued_[stream];
    while (!queue.empty() && queue.front().number < end) {
      queue.front().work();
      queue.pop_front();
    }
  }

  void deliver_all() {
    const std::lock_guard lock(mutex_);
    for (auto& [stream, queue] : queued_) {
      for (const Delivery& delivery : queue) delivery.work();
      queue.clear();
    }
  }

 private:
  std::mutex mutex_;
  std::map<StreamId, std::deque<Delivery>> queued_;
  std::uint64_t next_ = 0;
};

Deliveries& deliveries() {
  static Immortal<Deliveries> of_process;
  return of_process.value;
}

// A place in a stream.
struct Event {
  StreamId stream;
  std::uint64_t end;
};

struct GuardImplementation final : c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const override { return c10::kCUDA; }
  Device exchangeDevice(Device device) const override {
    const Device before = getDevice();
    setDevice(device);
    return before;
  }
  Device getDevice() const override { return device_of(device_index); }
  void setDevice(Device device) const override { set_current_device(device.index()); }
  void uncheckedSetDevice(Device device) const noexcept override { device_index = device.index(); }
  c10::DeviceIndex deviceCount() const noexcept override {
    return static_cast<c10::DeviceIndex>(device_count());
  }

  Stream getStream(Device device) const override { return current_stream(device); }
  Stream getDefaultStream(Device device) const override { return Stream(Stream::DEFAULT, device); }
  Stream getStreamFromGlobalPool(Device device, bool /*has_priority*/) const override {
    static std::atomic<StreamId> last{0};
    return Stream(Stream::UNSAFE, device, ++last);
  }
  Stream getNewStream(Device device, int /*priority*/) const override {
    return getStreamFromGlobalPool(device, false);
  }
  Stream exchangeStream(Stream stream) const override {
    const Stream before = current_stream(stream.device());
    stream_id = stream.id();
    return before;
  }
  bool queryStream(const Stream& /*stream*/) const override { return true; }
  void synchronizeStream(const Stream& stream) const override { deliveries().deliver(stream.id(), kAll); }
  void synchronizeDevice(c10::DeviceIndex /*index*/) const override { deliveries().deliver_all(); }

  void destroyEvent(void* event, c10::DeviceIndex /*index*/) const noexcept override {
    delete static_cast<Event*>(event);
  }
  void record(void** event, const Stream& stream, c10::DeviceIndex /*index*/,
              c10::EventFlag /*flag*/) const override {
    if (*event == nullptr) *event = new Event;
    *static_cast<Event*>(*event) = {stream.id(), deliveries().next()};
  }
  void block(void* /*event*/, const Stream& /*stream*/) const override {}
  bool queryEvent(void* /*event*/) const override { return true; }
  void synchronizeEvent(void* event) const override {
    if (event == nullptr) return;
    const auto& [stream, end] = *static_cast<Event*>(event);
    deliveries().deliver(stream, end);
  }
};

C10_REGISTER_GUARD_IMPL(CUDA, GuardImplementation);

}  // namespace

int device_count() {
  const char* const given = std::getenv("DFM_EMULATED_GPUS");
  return given == nullptr ? 4 : std::stoi(given);
}

c10::DeviceIndex current_device() { return device_index; }

void set_current_device(c10::DeviceIndex index) {
  TORCH_CHECK(index >= 0 && index < device_count(), "there is no emulated GPU ", static_cast<int>(index));
  device_index = index;
}

void deliver_later(std::function<void()> delivery) { deliveries().add(stream_id, std::move(delivery)); }
void wait_for_current_stream() { deliveries().deliver(stream_id, kAll); }
void wait_for_device() { deliveries().deliver_all(); }

}  // namespace dfm::emulated
