// Copies from, to and within the emulated GPU, and reading one value of it.
#include <torch/library.h>

#include "emulated_gpu/counts.h"
#include "emulated_gpu/memory.h"
#include "emulated_gpu/streams.h"
#include "emulated_gpu/tensors.h"

namespace dfm::emulated {
namespace {

bool is_pinned_tensor(const at::Tensor& host) {
  return host.numel() == 0 || is_pinned(host.const_data_ptr());
}

void copy_to_device(const at::Tensor& to, const at::Tensor& from) {
  if (!is_pinned_tensor(from)) count_wait("copy from pageable memory");
  host_view(to).copy_(from);
}

void copy_to_host(const at::Tensor& to, const at::Tensor& from) {
  count_wait("copy to the host");
  wait_for_current_stream();
  to.copy_(host_view(from));
}

// What the device has now arrives when somebody waits for it.
void start_copy_to_host(const at::Tensor& to, const at::Tensor& from) {
  const at::Tensor now = host_view(from).clone();
  if (at::isFloatingType(to.scalar_type())) to.fill_(std::numeric_limits<double>::quiet_NaN());
  deliver_later([to, now] { to.copy_(now); });
}

at::Tensor& copy(at::Tensor& self, const at::Tensor& from, bool non_blocking) {
  const at::AutoDispatchBelowADInplaceOrView below;
  const at::Tensor source = from.expand(self.sizes());
  if (self.is_cuda() && from.is_cuda()) {
    count_operator("aten::copy_");
    host_view(self).copy_(host_view(source));
  } else if (self.is_cuda()) {
    copy_to_device(self, source);
  } else if (non_blocking && is_pinned_tensor(self)) {
    start_copy_to_host(self, source);
  } else {
    copy_to_host(self, source);
  }
  return self;
}

at::Scalar value_of(const at::Tensor& self) {
  count_wait("reading a value");
  wait_for_current_stream();
  return at::_local_scalar_dense(host_view(self));
}

// Nothing is queued beside the host's work.
void record_stream(at::Tensor& /*self*/, at::Stream /*stream*/) {}

TORCH_LIBRARY_IMPL(aten, CUDA, library) {
  library.impl("copy_", copy);
  library.impl("_local_scalar_dense", value_of);
  library.impl("record_stream", record_stream);
}

}  // namespace
}  // namespace dfm::emulated
