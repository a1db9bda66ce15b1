// The diffusion transformer of DFM: adaLN-Zero blocks with self-attention, cross-attention to text, and an
// MLP (spec/dfm.md section 1; Peebles & Xie, "Scalable diffusion models with transformers").
//
//   ParameterList parameters;
//   const Dit dit(shape, parameters);
//   parameters.materialize(at::kFloat);
//   parameters.initialize(seed);
//   at::Tensor output = dit.forward(input, layout);
//
// Parameter names and shapes are those of spec/dfm.md section 1.2.
#pragma once

#include <vector>

#include "model/axis_order.h"
#include "model/dit_shape.h"
#include "model/layered_network.h"
#include "model/recompute_plan.h"
#include "model/time_embedder.h"
#include "nn/embedding.h"
#include "nn/linear.h"
#include "nn/pack.h"
#include "nn/parallel_linear.h"
#include "nn/parameter.h"

namespace dfm::model {

// Self- or cross-attention with per-head RMSNorm on q and k.
class SelfAttention {
 public:
  SelfAttention(const nn::Scope& scope, const DitShape& shape, const RecomputePlan& plan);
  at::Tensor operator()(const at::Tensor& x, const nn::PackLayout& layout) const;
  // Along an axis of each sample.
  at::Tensor operator()(const at::Tensor& x, const nn::PackLayout& layout, const AxisOrder& order) const;

 private:
  bool recomputes_;
  nn::ModelParallel parallel_;
  std::int64_t heads_;  // on this rank
  double epsilon_;
  nn::ColumnLinear linear_qkv_;
  nn::RowLinear linear_proj_;
  at::Tensor q_layernorm_, k_layernorm_;
};

class CrossAttention {
 public:
  CrossAttention(const nn::Scope& scope, const DitShape& shape, const RecomputePlan& plan);
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& text, const nn::PackLayout& layout) const;

 private:
  bool recomputes_;
  std::int64_t heads_;  // on this rank
  double epsilon_;
  nn::ColumnLinear linear_q_, linear_kv_;
  nn::RowLinear linear_proj_;
  at::Tensor q_layernorm_, k_layernorm_;
};

class Mlp {
 public:
  Mlp(const nn::Scope& scope, const DitShape& shape, const RecomputePlan& plan);
  at::Tensor operator()(const at::Tensor& x, const nn::PackLayout& layout) const;

 private:
  bool recomputes_;
  nn::ColumnLinear linear_fc1_;
  nn::RowLinear linear_fc2_;
};

// Shift, scale and gate of one branch, a row a sample: [n, h] each.
struct Branch {
  at::Tensor shift, scale, gate;
};

class AdaLn {
 public:
  AdaLn(const nn::Scope& scope, const DitShape& shape, std::int64_t branches);
  // time [n, h].
  std::vector<Branch> operator()(const at::Tensor& time) const;

 private:
  std::int64_t branches_;
  nn::Linear down_, up_;
};

// What the blocks of a pack share beside x.
struct DitConditioning {
  at::Tensor time;  // [n, h]
  at::Tensor text;  // [T, c]
};

class DitBlock {
 public:
  DitBlock(const nn::Scope& scope, const DitShape& shape, const RecomputePlan& plan);
  // x [S, h] -> [S, h].
  at::Tensor forward(at::Tensor x, const DitConditioning& given, const nn::PackLayout& layout) const;

 private:
  double epsilon_;
  SelfAttention self_attention_;
  CrossAttention cross_attention_;
  Mlp mlp_;
  AdaLn modulation_;
};

// What is around the blocks: tokens and times in, the features of patches out.
class DitEnds {
 public:
  DitEnds(const DitShape& shape, nn::ParameterList& parameters);

  // The type to compute in.
  at::ScalarType dtype() const { return time_norm_weight_.scalar_type(); }
  // This rank's tokens with their positions: [S, h].
  at::Tensor tokens_embedded(const PackInput& input, const nn::PackLayout& layout) const;
  // noise_level [n] -> [n, h].
  at::Tensor time_embedded(const at::Tensor& noise_level) const;
  // With the norm of the embedded time, which DiT declares and leaves out (spec/dfm.md section 1.3).
  at::Tensor normed_time_embedded(const at::Tensor& noise_level) const;
  // x [S, h] -> [S, patch features].
  at::Tensor patches_of(const at::Tensor& x) const { return final_layer_linear_(x); }

 private:
  at::Tensor time_norm_weight_;
  nn::Linear x_embedder_;
  nn::PositionTable position_table_;
  TimeEmbedder time_embedder_;
  nn::Linear final_layer_linear_;
};

class Dit {
 public:
  Dit(const DitShape& shape, nn::ParameterList& parameters, RecomputePlan plan = {});

  // tokens scaled by c_in, noise_level c_noise -> [S, patch features] in the dtype of the parameters.
  at::Tensor forward(const PackInput& input, const nn::PackLayout& layout) const;

  // Its parts (model/layered_network.h).
  DitConditioning conditioning(const PackInput& input, const nn::PackLayout& layout) const;
  at::Tensor embed(const PackInput& input, const nn::PackLayout& layout) const;
  at::Tensor layers(const Range& range, const at::Tensor& x, const DitConditioning& given,
                    const nn::PackLayout& layout) const;
  at::Tensor head(const at::Tensor& x, const DitConditioning& given, const nn::PackLayout& layout) const;

 private:
  RecomputePlan plan_;
  DitEnds ends_;
  StageLayers<DitBlock> blocks_;
};

BackboneSpec dit_spec(const DitShape& shape, const RecomputePlan& plan = {});

}  // namespace dfm::model
