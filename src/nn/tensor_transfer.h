// A tensor on its way between ranks (nn/raw_collectives.h): work goes on beside it until it is needed. It may
// travel over MPI from where it is, over MPI with a copy in host memory, or by a channel between devices.
//
//   TensorTransfer transfer = raw::start_exchange({block, next}, {arriving, previous}, group);
//   ... compute with block ...
//   transfer.wait();      // what is asked of `arriving` from here on finds the values
#pragma once

#include <utility>

#include "comm/device_channel.h"
#include "comm/transfer.h"
#include "nn/torch_header.h"

namespace dfm::nn {

class TensorTransfer {
 public:
  TensorTransfer() = default;
  // Of tensors on the CPU, which somebody else keeps.
  explicit TensorTransfer(comm::Transfer transfer) : transfer_(std::move(transfer)) {}
  // Of host memory that stands in for tensors of a device. `arriving`: copied to `target` in the end, where
  // there is one.
  TensorTransfer(comm::Transfer transfer, at::Tensor leaving, at::Tensor arriving, at::Tensor target)
      : kept_{std::move(leaving), std::move(arriving), std::move(target)}, transfer_(std::move(transfer)) {}
  // Between devices.
  TensorTransfer(comm::DeviceChannel::Arrival arrival, at::Tensor leaving, at::Tensor target)
      : kept_{std::move(leaving), {}, std::move(target)}, arrival_(std::move(arrival)) {}
  TensorTransfer(TensorTransfer&& other) noexcept { swap(other); }
  TensorTransfer& operator=(TensorTransfer&& other) noexcept {
    swap(other);
    return *this;
  }
  // Waits, if only for the memory.
  ~TensorTransfer();

  void wait();
  // Without waiting.
  bool is_finished();

 private:
  struct Kept {
    at::Tensor leaving, arriving, target;
  };

  void swap(TensorTransfer& other) noexcept {
    std::swap(kept_, other.kept_);
    std::swap(transfer_, other.transfer_);
    std::swap(arrival_, other.arrival_);
  }

  Kept kept_;  // outlives the transfer, whose memory it is
  comm::Transfer transfer_;
  comm::DeviceChannel::Arrival arrival_;
};

}  // namespace dfm::nn
