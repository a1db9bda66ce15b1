// In which order the stages of a pipeline compute: one forward, one backward (Narayanan et al., "Efficient
// large-scale language model training on GPU clusters"), with several chunks of layers a stage where these
// interleave, and any number of packs.
#pragma once

#include <cstddef>
#include <vector>

#include "nn/model_parallel.h"

namespace dfm::train {

struct PipelineShape {
  std::size_t stages = 1;
  std::size_t chunks = 1;  // of layers a stage; chunk c of stage s comes after chunk c of stage s - 1
  std::size_t packs = 0;
};

inline PipelineShape pipeline_shape(const nn::DepthCut& depth, std::size_t packs) {
  return {static_cast<std::size_t>(depth.stages), static_cast<std::size_t>(depth.chunks), packs};
}

struct PipelineWork {
  bool is_backward = false;
  std::size_t chunk = 0;
  std::size_t pack = 0;

  bool operator==(const PipelineWork&) const = default;
};

// What a stage does, in order: every chunk of every pack forward and backward. All stages take the packs in
// the same order, so that messages between two of them arrive in the order in which they are needed.
std::vector<PipelineWork> pipeline_schedule(const PipelineShape& shape, std::size_t stage);

// The share of the time that a stage waits for others, on average, if all chunks take the same time and twice
// as long backward as forward, and messages none: (stages - 1) / (stages - 1 + chunks x packs) where the
// stages divide the packs. 0 without packs.
double waiting_share(const PipelineShape& shape);

}  // namespace dfm::train
