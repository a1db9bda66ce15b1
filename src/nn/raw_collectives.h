// The collectives of nn/collectives.h on values alone, without gradients.
#pragma once

#include "nn/collectives.h"
#include "nn/tensor_collectives.h"

namespace dfm::nn::raw {

at::Tensor gather_rows(const at::Tensor& rows, const RowCounts& counts, const comm::Group& group);
at::Tensor scatter_sum_rows(const at::Tensor& rows, const RowCounts& counts, const comm::Group& group);
at::Tensor sum_over(const at::Tensor& partial, const comm::Group& group);
at::Tensor exchange_rows(const at::Tensor& out, const RowCounts& out_counts, const RowCounts& in_counts,
                         const comm::Group& group);

}  // namespace dfm::nn::raw
