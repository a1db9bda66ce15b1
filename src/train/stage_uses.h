// In which order a rank uses the blocks that it has: its stage's chunks of layers, as the schedule of the
// pipeline takes them (train/pipeline_schedule.h); without a pipeline all blocks are one chunk. What brings
// blocks in follows it (train/unit_gather.h), and so does who plans that.
//
//   const StageUses uses(network.recompute, parameters.parallel().depth, layers);
//   gather.begin(uses.of_training(packs));
#pragma once

#include "model/recompute_plan.h"
#include "nn/model_parallel.h"
#include "train/pipeline_schedule.h"

namespace dfm::train {

class StageUses {
 public:
  using Uses = std::vector<model::BlockUse>;

  // layers: of the whole network.
  StageUses(model::RecomputePlan plan, const nn::DepthCut& depth, std::int64_t layers)
      : plan_(std::move(plan)), depth_(depth), layers_(layers) {}

  // A pack through a chunk, forward or backward.
  Uses of(const PipelineWork& work) const;
  // All packs of a step.
  Uses of_training(std::size_t packs) const;
  // A pack through all chunks, without gradients.
  Uses of_forward() const;

 private:
  model::RecomputePlan plan_;
  nn::DepthCut depth_;
  std::int64_t layers_;
};

}  // namespace dfm::train
