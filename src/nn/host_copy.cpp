#include "nn/host_copy.h"

#include <algorithm>
#include <cstring>

#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace dfm::nn {
namespace {

constexpr std::int64_t kPiece = std::int64_t{1} << 22U;  // elements

at::Tensor pinned_floats() {
  return at::empty({kPiece}, at::TensorOptions().dtype(at::kFloat).pinned_memory(true));
}

std::int64_t pieces_of(std::int64_t count) { return (count + kPiece - 1) / kPiece; }
std::int64_t count_of_piece(std::int64_t piece, std::int64_t count) {
  return std::min(kPiece, count - piece * kPiece);
}

}  // namespace

std::span<float> floats_of(const at::Tensor& tensor) {
  return {tensor.mutable_data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

void fill(const at::Tensor& values, const Filler& filler) {
  if (values.is_cpu()) return filler(0, floats_of(values));
  const at::Tensor pinned = pinned_floats();
  for (std::int64_t piece = 0; piece < pieces_of(values.numel()); ++piece) {
    const at::Tensor part = pinned.narrow(0, 0, count_of_piece(piece, values.numel()));
    filler(piece * kPiece, floats_of(part));
    values.narrow(0, piece * kPiece, part.numel()).copy_(part);
  }
}

at::Tensor to_device(const at::Tensor& host, const at::Device& device) {
  if (host.device() == device) return host;
  return host.pin_memory().to(device, /*non_blocking=*/true);
}

DeviceCopier::DeviceCopier(const at::Device& device)
    : stream_(c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device)),
      made_(device.type()),
      buffers_{Buffer{{}, c10::Event(device.type())}, Buffer{{}, c10::Event(device.type())}} {
  made_.record(c10::impl::VirtualGuardImpl(device.type()).getStream(device));
}

// A piece arrives in one buffer while the one before is taken from the other.
void DeviceCopier::copy(const at::Tensor& values, std::span<float> out) {
  const c10::StreamGuard beside(stream_);
  made_.block(stream_);
  const at::Tensor flat = values.view(-1);
  const std::int64_t pieces = pieces_of(flat.numel());
  for (std::int64_t next = 0; next <= pieces; ++next) {
    if (next < pieces) {
      Buffer& buffer = buffers_.at(static_cast<std::size_t>(next % 2));
      if (!buffer.pinned.defined()) buffer.pinned = pinned_floats();
      const std::int64_t count = count_of_piece(next, flat.numel());
      buffer.pinned.narrow(0, 0, count).copy_(flat.narrow(0, next * kPiece, count), /*non_blocking=*/true);
      buffer.is_full.record(stream_);
    }
    if (next == 0) continue;
    Buffer& buffer = buffers_.at(static_cast<std::size_t>((next - 1) % 2));
    buffer.is_full.synchronize();
    const std::int64_t begin = (next - 1) * kPiece, count = count_of_piece(next - 1, flat.numel());
    std::memcpy(out.data() + begin, buffer.pinned.const_data_ptr(),
                static_cast<std::size_t>(count) * sizeof(float));
  }
}

}  // namespace dfm::nn
