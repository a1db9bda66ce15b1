// The rows of all tensor ranks, on their way: what does not need them is computed beside.
//
//   const ComingRows rows(x, counts, group);
//   ... compute ...
//   y = rows.times(weight, bias);      // or rows.arrived(), as gather_rows gives them
//
// Each of the ranks' gradients of `times` is on its way home while that of the weight is computed. Sums and
// bytes are those of gather_rows and a Linear; one collective is under way at a time.
#pragma once

#include <optional>

#include "nn/collectives.h"

namespace dfm::nn {

class ComingRows {
 public:
  // Collective. rows: this rank's.
  ComingRows(const at::Tensor& rows, const RowCounts& counts, const comm::Group& group);

  // Collective in the backward pass. One of them, once.
  at::Tensor arrived() const;
  at::Tensor times(const at::Tensor& weight, const std::optional<at::Tensor>& bias) const;

 private:
  at::Tensor rows_;
  c10::intrusive_ptr<torch::CustomClassHolder> coming_;
};

}  // namespace dfm::nn
