// The text-to-video transformer of WAN 2.1 (spec/dfm.md section 3; Wan et al., "Wan: open and advanced
// large-scale video generative models"): blocks modulated by the time, with self-attention in three rotary
// dimensions, cross-attention to the text, and an MLP.
//
//   const BackboneSpec spec = wan_spec(shape);
//
// Parameter names and shapes are those of spec/dfm.md section 3.2. Rotations are per sample and of adjacent
// pairs, as in the published weights.
#pragma once

#include <vector>

#include "model/layered_network.h"
#include "model/recompute_plan.h"
#include "model/wan_shape.h"
#include "nn/linear.h"
#include "nn/pack.h"
#include "nn/parallel_linear.h"
#include "nn/parameter.h"

namespace dfm::model {

// The heads of this rank.
struct WanHeads {
  nn::ModelParallel parallel;
  std::int64_t count, width;
  std::int64_t all_features;  // of the heads of all ranks
  double epsilon;
};

// Attention whose q and k have one RMSNorm over all heads together.
class WanSelfAttention {
 public:
  WanSelfAttention(const nn::Scope& scope, const WanShape& shape, const RecomputePlan& plan);
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& turns, const nn::PackLayout& layout) const;

 private:
  bool recomputes_;
  WanHeads heads_;
  nn::ColumnLinear linear_qkv_;
  nn::RowLinear linear_proj_;
  at::Tensor q_layernorm_, k_layernorm_;
};

class WanCrossAttention {
 public:
  WanCrossAttention(const nn::Scope& scope, const WanShape& shape, const RecomputePlan& plan);
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& text, const nn::PackLayout& layout) const;

 private:
  bool recomputes_;
  WanHeads heads_;
  nn::ColumnLinear linear_q_, linear_kv_;
  nn::RowLinear linear_proj_;
  at::Tensor q_layernorm_, k_layernorm_;
};

class WanMlp {
 public:
  WanMlp(const nn::Scope& scope, const WanShape& shape, const RecomputePlan& plan);
  at::Tensor operator()(const at::Tensor& x, const nn::PackLayout& layout) const;

 private:
  bool recomputes_;
  nn::ColumnLinear linear_fc1_;
  nn::RowLinear linear_fc2_;
};

// What the blocks of a pack share beside x.
struct WanConditioning {
  at::Tensor modulation;  // [n, 6, h], of the time
  at::Tensor text;        // [T, c], embedded
  at::Tensor turns;       // [tokens of the context share, d/2]
};

class WanBlock {
 public:
  WanBlock(const nn::Scope& scope, const WanShape& shape, const RecomputePlan& plan);
  // x [S, h] -> [S, h].
  at::Tensor forward(at::Tensor x, const WanConditioning& given, const nn::PackLayout& layout) const;

 private:
  double epsilon_;
  WanSelfAttention self_attention_;
  WanCrossAttention cross_attention_;
  WanMlp mlp_;
  at::Tensor modulation_;               // [1, 6, h]
  at::Tensor norm_weight_, norm_bias_;  // before the cross-attention
};

struct WanGiven {
  WanConditioning blocks;
  at::Tensor time;  // [n, h], embedded: what modulates the head
};

class Wan {
 public:
  Wan(const WanShape& shape, nn::ParameterList& parameters, RecomputePlan plan = {});

  // noise_level: timesteps, 0 to 1000. [S, patch features] in the dtype of the parameters.
  at::Tensor forward(const PackInput& input, const nn::PackLayout& samples) const;

  // Its parts (model/layered_network.h).
  WanGiven conditioning(const PackInput& input, const nn::PackLayout& samples) const;
  at::Tensor embed(const PackInput& input, const nn::PackLayout& layout) const;
  at::Tensor layers(const Range& range, const at::Tensor& x, const WanGiven& given,
                    const nn::PackLayout& samples) const;
  at::Tensor head(const at::Tensor& x, const WanGiven& given, const nn::PackLayout& layout) const;

 private:
  at::Tensor time_embedded(const at::Tensor& timestep) const;
  at::Tensor text_embedded(const at::Tensor& text) const;
  // With texts as long as the network sees them.
  nn::PackLayout padded_layout(const nn::PackLayout& samples) const;

  WanShape shape_;
  RecomputePlan plan_;
  at::Tensor patch_weight_, patch_bias_;
  nn::Linear time_1_, time_2_, time_proj_, text_0_, text_2_;
  StageLayers<WanBlock> blocks_;
  at::Tensor head_modulation_;
  nn::Linear head_;
};

BackboneSpec wan_spec(const WanShape& shape, const RecomputePlan& plan = {});

}  // namespace dfm::model
