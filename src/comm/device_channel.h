// What moves values between the ranks of a group where they lie in the memory of devices. The one there is
// speaks NCCL and is in libdfm_cuda.so; comm knows its face alone. A group without one moves such values
// through the host (nn/raw_collectives.h).
//
//   DeviceChannel::Arrival arrived = channel.all_reduce_sum(values, count);
//   ... queue other work ...
//   arrived();            // what is queued from here on finds the sums
//
// Every call is queued behind what the calling thread has queued on its current stream, goes on beside it,
// and must be made by every rank of the group in the same order. Memory must stay until the arrival was
// asked for or is over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

namespace dfm::comm {

class Group;

// Parts of a buffer in rank order: counts[0] bytes of rank 0, then counts[1] of rank 1, ...
template <class Byte>
struct Parts {
  std::span<Byte> bytes;
  std::span<const std::int64_t> counts;
};

class DeviceChannel {
 public:
  // Of what is on its way. To be asked on the thread that began it.
  struct Arrival {
    std::function<void()> await;    // makes the current stream wait for it; the host does not
    std::function<bool()> is_over;  // without waiting: whether the device needs the memory no more

    void operator()() const { await(); }
    explicit operator bool() const { return static_cast<bool>(await); }
  };

  DeviceChannel() = default;
  DeviceChannel(const DeviceChannel&) = delete;
  DeviceChannel& operator=(const DeviceChannel&) = delete;
  virtual ~DeviceChannel() = default;

  // The addresses are those of the device. In place.
  virtual Arrival all_reduce_sum(std::span<float> values) = 0;
  virtual Arrival reduce_scatter_sum(std::span<const float> values, std::span<const std::int64_t> counts,
                                     std::span<float> out) = 0;
  // In place.
  virtual Arrival all_gather_parts(Parts<std::byte> all) = 0;
  virtual Arrival all_to_all(Parts<const std::byte> out, Parts<std::byte> in) = 0;
  virtual Arrival exchange(std::span<const std::byte> out, int to, std::span<std::byte> in, int from) = 0;
  // One way, by two ranks alone.
  virtual Arrival send(std::span<const std::byte> bytes, int to) = 0;
  virtual Arrival receive(std::span<std::byte> bytes, int from) = 0;
};

// Collective over the group. Null where its values go through the host.
using ChannelMaker = std::function<std::shared_ptr<DeviceChannel>(const Group& group)>;

}  // namespace dfm::comm
