// Attention over a pack on a device (nn/attention.h says what it computes): one call of a kernel for a pack,
// equal samples as a batch and others by offsets. On CPUs it computes the same with the plain kernel, slowly.
#pragma once

#include "nn/attention_kernel.h"

namespace dfm::nn {

at::Tensor device_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const std::vector<std::int64_t>& query_counts,
                            const std::vector<std::int64_t>& key_counts);

}  // namespace dfm::nn
