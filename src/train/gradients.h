// The one reducer: after the last backward of a step it sums every gradient over the ranks among which it is
// partial, as its parameter's placement says, and leaves each rank with the segments it owns.
//
//   for each micro-batch: { loss.backward(); gradients.collect(); }
//   gradients.reduce();
//   const double norm = std::sqrt(sum over ranks of gradients.squared_norm());
//   optimizer.update(gradients, ...);
//   gradients.clear();
//
// Where blocks come and go (train/unit_gather.h) the gradients of each are summed as soon as they are there,
// beside the rest of the backward pass, and freed: begin_unit() for every unit beyond the first, in every
// pass.
#pragma once

#include <cstdint>
#include <vector>

#include "comm/rank_grid.h"
#include "nn/parameter.h"
#include "nn/tensor_transfer.h"
#include "train/shard_layout.h"

namespace dfm::train {

class Gradients {
 public:
  Gradients(const nn::ParameterList& parameters, const ShardLayout& layout, const comm::GridGroups& groups);

  // Call after every backward but the last of a step: moves bfloat16 gradients into float32 sums, so that
  // adding micro-batches does not round. (float32 gradients add up in place.)
  void collect();

  // Collective. Begins to sum the gradients of a unit, which must be complete in this pass, and frees them.
  void begin_unit(std::size_t unit);

  // Collective. Sums over the ranks what is not summed yet.
  void reduce();

  // What this takes between two steps and at most within one, beside the gradients that autograd makes.
  std::int64_t held_bytes() const;

  // The owned part of a gradient, float32 or bfloat16, after reduce().
  at::Tensor segment(const Segment& segment) const;

  // Sum of squares of the segments that this rank owns, one float64 on the device of the gradients: over all
  // ranks, every element counts once.
  at::Tensor squared_norm() const;

  void clear();

 private:
  // A sum over the ranks of a shard that is on its way.
  struct Pending {
    at::Tensor whole, incoming;  // incoming is to be added to owned_, where it is defined
    std::int64_t owned_offset = 0;
    nn::TensorTransfer transfer;
  };

  void begin_bucket(std::size_t index);
  void reduce_bucket(const Bucket& bucket);
  at::Tensor take_bucket(const Bucket& bucket);
  void finish_pending();
  const nn::Placement& placement_of(const Bucket& bucket) const;
  const comm::Group& shard_of(const Bucket& bucket) const;
  at::Tensor owned(const Bucket& bucket) const;
  void reduce_replicas(const Bucket& bucket);
  at::Tensor source(std::size_t parameter) const;

  const nn::ParameterList& parameters_;
  const ShardLayout& layout_;
  const comm::GridGroups& groups_;
  std::vector<at::Tensor> sums_;  // float32 sums of micro-batches, where there were several
  at::Tensor owned_;              // float32 sums over the ranks, where there are several
  std::vector<bool> has_sum_;     // by bucket: whether owned_ has something to add to
  Pending pending_;
};

}  // namespace dfm::train
