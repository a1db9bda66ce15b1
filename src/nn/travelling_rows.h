// Rows on their way between ranks, as exchange_rows (nn/collectives.h) brings them: what does not need them
// is computed meanwhile. Their gradients travel back in the same way, while the backward pass goes on with
// what was computed before they arrived.
//
//   const TravellingRows rows(x, out_counts, in_counts, group);
//   ... compute ...
//   y = rows.arrived();
#pragma once

#include "nn/collectives.h"
#include "nn/held.h"

namespace dfm::nn {

class TravellingRows {
 public:
  // Collective. Several may be under way; every rank begins them in the same order.
  TravellingRows(const at::Tensor& rows, const RowCounts& out_counts, const RowCounts& in_counts,
                 const comm::Group& group);

  // Collective in the backward pass. Once.
  at::Tensor arrived() const;

 private:
  Holder journey_;
  at::Tensor ticket_;
};

}  // namespace dfm::nn
