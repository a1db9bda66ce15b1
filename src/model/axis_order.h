// Attention along one axis of a video: the tokens that attend to each other are made neighbours, and each run
// of them a sequence of its own, so that it is the attention of a pack.
//
//   const AxisOrder order = along_frames(positions, layout);
//   y = order.back(attention(order.there(x), order.layout));
#pragma once

#include "nn/pack.h"

namespace dfm::model {

class AxisOrder {
 public:
  // rows: undefined where the tokens are neighbours as they come.
  AxisOrder(nn::PackLayout runs, at::Tensor rows = {});

  const nn::PackLayout& layout() const { return layout_; }
  // [S, h] in the order of the axis, and from it.
  at::Tensor there(const at::Tensor& tokens) const;
  at::Tensor back(const at::Tensor& ordered) const;

 private:
  nn::PackLayout layout_;
  at::Tensor rows_, places_;  // [S] int64
};

// positions [S, 3] int64 (frame, row, column) of whole samples, frames slowest.
//
// Spatial: a sequence is a frame.
AxisOrder within_frames(const at::Tensor& positions, const nn::PackLayout& layout);
// Temporal: a sequence is one place of the picture through all frames.
AxisOrder through_frames(const at::Tensor& positions, const nn::PackLayout& layout);

}  // namespace dfm::model
