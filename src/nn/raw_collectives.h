// The collectives of nn/collectives.h on values alone, without gradients.
#pragma once

#include "nn/collectives.h"

namespace dfm::nn::raw {

at::Tensor gather_rows(const at::Tensor& rows, const RowCounts& counts, const comm::Group& group);
at::Tensor scatter_sum_rows(const at::Tensor& rows, const RowCounts& counts, const comm::Group& group);
at::Tensor sum_over(const at::Tensor& partial, const comm::Group& group);
at::Tensor exchange_rows(const at::Tensor& out, const RowCounts& out_counts, const RowCounts& in_counts,
                         const comm::Group& group);

// Contiguous tensors between two ranks, in order; they must stay until the transfer is waited for.
[[nodiscard]] comm::Transfer start_send(const at::Tensor& values, int to, const comm::Group& group);
[[nodiscard]] comm::Transfer start_receive(const at::Tensor& room, int from, const comm::Group& group);
// The root's values on every rank, in place.
void broadcast(const at::Tensor& values, int root, const comm::Group& group);

// The memory of a contiguous tensor.
std::span<std::byte> bytes_of(const at::Tensor& tensor);

}  // namespace dfm::nn::raw
