// Attention along one axis of a video: the tokens that attend to each other are made neighbours, and each run
// of them a sequence of its own, so that it is the attention of a pack. Where ranks share a pack, a sequence
// may be on several of them.
//
//   const AxisOrder order = through_frames(positions, layout);
//   y = order.back(attention(order.there(qkv), order.counts()));
#pragma once

#include "nn/pack.h"

namespace dfm::model {

class AxisOrder {
 public:
  using Counts = std::vector<std::vector<std::int64_t>>;

  // counts[c][i]: tokens of sequence i on context rank c. rows: undefined where the tokens are neighbours as
  // they come.
  explicit AxisOrder(Counts counts, at::Tensor rows = {});

  const Counts& counts() const { return counts_; }
  // For tokens on this device.
  AxisOrder on(const at::Device& device) const;
  // [S, h], of the tokens of this rank's context share, in the order of the axis, and from it.
  at::Tensor there(const at::Tensor& tokens) const;
  at::Tensor back(const at::Tensor& ordered) const;

 private:
  Counts counts_;
  at::Tensor rows_, places_;  // [S] int64
};

// positions [S, 3] int64 (frame, row, column) of whole samples, frames slowest, which the layout and the cut
// divide alike.
//
// Spatial: a sequence is a frame.
AxisOrder within_frames(const at::Tensor& positions, const nn::PackLayout& layout,
                        const nn::SequenceCut& cut = {});
// Temporal: a sequence is one place of the picture through all frames.
AxisOrder through_frames(const at::Tensor& positions, const nn::PackLayout& layout,
                         const nn::SequenceCut& cut = {});

}  // namespace dfm::model
