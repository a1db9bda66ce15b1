// The packs of a step through the stages of a pipeline: activations go to the next stage, gradients come back
// from it, and messages travel beside the computation (train/pipeline_schedule.h says in which order).
//
//   const Pipeline pipeline(network, parallel);
//   pipeline.run(passes, {packs, tensors, token_losses, take_losses, between_backwards, idle});
#pragma once

#include "diffusion/objective.h"
#include "model/backbone.h"
#include "train/batch.h"
#include "train/pipeline_schedule.h"

namespace dfm::train {

struct PipelineHooks {
  std::size_t packs = 0;  // of this replica
  // What this rank computes of pack number i.
  std::function<PackTensors(std::size_t pack)> tensors;
  // The losses of its tokens, given the network.
  std::function<at::Tensor(const PackTensors& pack, const diffusion::Network& network)> token_losses;
  // On the last stage alone, which has them: notes them and returns the number to differentiate.
  std::function<at::Tensor(const PackTensors& pack, const at::Tensor& losses)> take_losses;
  std::function<void()> between_backwards;
  // Where other replicas have more packs: instead of a work on one that is not here.
  std::function<void(const PipelineWork& work)> idle;
};

class Pipeline {
 public:
  // The network must outlive it.
  Pipeline(const model::Backbone& network, const nn::ModelParallel& parallel)
      : network_(network), parallel_(parallel) {}

  // Collective over the stages: as many passes forward and backward, of all packs and idle ones. Gradients
  // add up in the parameters.
  void run(std::size_t passes, const PipelineHooks& hooks) const;

 private:
  struct Message;
  struct Run;

  void go_through(Run& run, const std::vector<PipelineWork>& order) const;
  Message expect(Run& run, const PipelineWork& work) const;
  void forward(Run& run, const PipelineWork& work, const at::Tensor& input) const;
  void backward(Run& run, const PipelineWork& work, const at::Tensor& gradient) const;
  nn::LayerChunk chunk(const PipelineWork& work) const {
    return parallel_.depth.chunk(0, static_cast<int>(work.chunk));
  }
  const comm::StageLinks& links() const { return *parallel_.stage_links; }

  const model::Backbone& network_;
  nn::ModelParallel parallel_;
};

}  // namespace dfm::train
