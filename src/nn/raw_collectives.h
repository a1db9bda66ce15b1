// The collectives of nn/collectives.h on values alone, without gradients; three of them also begun, with work
// beside them:
//
//   ScatteringSums sums(rows, counts, group);
//   ... compute ...
//   mine = sums.finish();
#pragma once

#include "nn/collectives.h"
#include "nn/tensor_collectives.h"

namespace dfm::nn::raw {

at::Tensor gather_rows(const at::Tensor& rows, const RowCounts& counts, const comm::Group& group);
at::Tensor scatter_sum_rows(const at::Tensor& rows, const RowCounts& counts, const comm::Group& group);
at::Tensor sum_over(const at::Tensor& partial, const comm::Group& group);
at::Tensor exchange_rows(const at::Tensor& out, const RowCounts& out_counts, const RowCounts& in_counts,
                         const comm::Group& group);

// They hold what is on its way, and are finished once.
class GatheringRows {
 public:
  GatheringRows(const at::Tensor& rows, const RowCounts& counts, const comm::Group& group);
  at::Tensor finish();

 private:
  at::Tensor all_;
  TensorTransfer transfer_;  // the last, so that it is over before its memory goes
};

class ScatteringSums {
 public:
  ScatteringSums(const at::Tensor& rows, const RowCounts& counts, const comm::Group& group);
  at::Tensor finish();

 private:
  at::Tensor leaving_, arriving_;
  std::int64_t ranks_;
  TensorTransfer transfer_;
};

class ExchangingRows {
 public:
  ExchangingRows(const at::Tensor& rows, const RowCounts& out_counts, const RowCounts& in_counts,
                 const comm::Group& group);
  at::Tensor finish();

 private:
  at::Tensor leaving_, arriving_;
  TensorTransfer transfer_;
};

}  // namespace dfm::nn::raw
