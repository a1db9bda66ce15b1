// Collectives on tensors, as parts of a network: each is a linear map over the group, and its backward is the
// adjoint of it. Rows are the first dimension; counts are the rows of each rank, in rank order.
//
// float32 or bfloat16. Sums of bfloat16 are made in float32, in rank order, and rounded once.
#pragma once

#include <cstdint>
#include <vector>

#include "comm/group.h"
#include "nn/torch_header.h"

namespace dfm::nn {

using RowCounts = std::vector<std::int64_t>;

// Every rank gets the rows of all. Backward: each rank gets the sum over the ranks of its rows' gradients.
at::Tensor gather_rows(const at::Tensor& rows, const RowCounts& counts, const comm::Group& group);

// Each rank gets the sum over the ranks of its rows. Backward: every rank gets the gradients of all rows.
at::Tensor scatter_sum_rows(const at::Tensor& rows, const RowCounts& counts, const comm::Group& group);

// The sum over the ranks, on every rank. Backward: nothing, since what follows is the same on every rank.
at::Tensor sum_over(const at::Tensor& partial, const comm::Group& group);

// The same values on every rank, as they are. Backward: the sum over the ranks of what each made of them.
at::Tensor shared_by(const at::Tensor& same, const comm::Group& group);

// The rows of `out` in runs of out_counts go to the ranks, runs of in_counts come from them. Backward: back.
at::Tensor exchange_rows(const at::Tensor& out, const RowCounts& out_counts, const RowCounts& in_counts,
                         const comm::Group& group);

}  // namespace dfm::nn
