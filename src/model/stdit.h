// A spatio-temporal DiT (spec/nemo_diffusion.md section 1.6, definition B): the DiT of model/dit.h whose
// blocks attend three times to the video, to all of it, through the frames, and within each frame.
//
//   const BackboneSpec spec = stdit_spec(shape);
#pragma once

#include <vector>

#include "model/axis_order.h"
#include "model/dit.h"

namespace dfm::model {

// Who attends to whom in a pack.
struct StDitOrders {
  nn::PackLayout full;
  AxisOrder temporal, spatial;
};

class StDitBlock {
 public:
  StDitBlock(const nn::Scope& scope, const DitShape& shape, const RecomputePlan& plan);
  // x [S, h] -> [S, h].
  at::Tensor forward(at::Tensor x, const DitConditioning& given, const StDitOrders& orders) const;

 private:
  double epsilon_;
  SelfAttention full_attention_;
  CrossAttention cross_attention_;
  SelfAttention temporal_attention_, spatial_attention_;
  Mlp mlp_;
  AdaLn modulation_;
};

// What the blocks of a pack share beside x.
struct StDitConditioning {
  DitConditioning each_token;
  StDitOrders orders;
};

class StDit {
 public:
  StDit(const DitShape& shape, nn::ParameterList& parameters, RecomputePlan plan = {});

  // tokens scaled by c_in, noise_level c_noise -> [S, patch features] in the dtype of the parameters.
  at::Tensor forward(const PackInput& input, const nn::PackLayout& layout) const;

  // Its parts (model/layered_network.h).
  StDitConditioning conditioning(const PackInput& input, const nn::PackLayout& layout) const;
  at::Tensor embed(const PackInput& input, const nn::PackLayout& layout) const;
  at::Tensor layers(const Range& range, const at::Tensor& x, const StDitConditioning& given,
                    const nn::PackLayout& layout) const;
  at::Tensor head(const at::Tensor& x, const StDitConditioning& given, const nn::PackLayout& layout) const;

 private:
  RecomputePlan plan_;
  nn::SequenceCut cut_;
  DitEnds ends_;
  StageLayers<StDitBlock> blocks_;
};

BackboneSpec stdit_spec(const DitShape& shape, const RecomputePlan& plan = {});

}  // namespace dfm::model
