// The transformer of MovieGen (spec/nemo_diffusion.md sections 1.3 and 1.5; The Movie Gen team, "Movie Gen: a
// cast of media foundation models"): Llama-like blocks with grouped queries and SwiGLU, a modulated RMSNorm,
// and learned positions that every block adds.
//
//   const BackboneSpec spec = moviegen_spec(shape);
//
// Parameter names and shapes are those of spec/nemo_diffusion.md.
#pragma once

#include <functional>
#include <vector>

#include "model/layered_network.h"
#include "model/moviegen_shape.h"
#include "model/recompute_plan.h"
#include "model/time_embedder.h"
#include "nn/linear.h"
#include "nn/pack.h"
#include "nn/parallel_linear.h"
#include "nn/parameter.h"

namespace dfm::model {

// Several query heads share a key and a value.
class GroupedSelfAttention {
 public:
  GroupedSelfAttention(const nn::Scope& scope, const MovieGenShape& shape, const RecomputePlan& plan);
  at::Tensor operator()(const at::Tensor& x, const nn::PackLayout& layout) const;

 private:
  bool recomputes_;
  nn::ModelParallel parallel_;
  MovieGenShape shape_;
  nn::ColumnLinear linear_qkv_;
  nn::RowLinear linear_proj_;
};

class PlainCrossAttention {
 public:
  PlainCrossAttention(const nn::Scope& scope, const MovieGenShape& shape, const RecomputePlan& plan);
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& text, const nn::PackLayout& layout) const;

 private:
  bool recomputes_;
  MovieGenShape shape_;
  nn::ColumnLinear linear_q_, linear_kv_;
  nn::RowLinear linear_proj_;
};

class SwiGlu {
 public:
  SwiGlu(const nn::Scope& scope, const MovieGenShape& shape, const RecomputePlan& plan);
  at::Tensor operator()(const at::Tensor& x, const nn::PackLayout& layout) const;
  // Of any rows that all tensor ranks have: what this one adds to the sum over them.
  at::Tensor partial(const at::Tensor& rows) const;

 private:
  bool recomputes_;
  nn::ColumnLinear linear_fc1_;
  nn::RowLinear linear_fc2_;
};

// What the blocks of a pack share beside x.
struct MovieGenConditioning {
  at::Tensor time;       // [n, h]
  at::Tensor text;       // [T, c]
  at::Tensor positions;  // [S, h], embedded
};

class MovieGenBlock {
 public:
  MovieGenBlock(const nn::Scope& scope, const MovieGenShape& shape, const RecomputePlan& plan);
  // x [S, h] -> [S, h].
  at::Tensor forward(at::Tensor x, const MovieGenConditioning& given, const nn::PackLayout& layout) const;

 private:
  at::Tensor normed(const at::Tensor& x, const at::Tensor& shift, const at::Tensor& scale,
                    const nn::PackLayout& layout) const;

  MovieGenShape shape_;
  GroupedSelfAttention self_attention_;
  PlainCrossAttention cross_attention_;
  std::function<at::Tensor(const at::Tensor& x, const nn::PackLayout& layout)> mlp_;
  at::Tensor norm_weight_;
  nn::Linear modulation_;
};

class MovieGen {
 public:
  MovieGen(const MovieGenShape& shape, nn::ParameterList& parameters, RecomputePlan plan = {});

  // tokens scaled by c_in, noise_level c_noise -> [S, patch features] in the dtype of the parameters.
  at::Tensor forward(const PackInput& input, const nn::PackLayout& layout) const;

  // Its parts (model/layered_network.h).
  MovieGenConditioning conditioning(const PackInput& input, const nn::PackLayout& layout) const;
  at::Tensor embed(const PackInput& input, const nn::PackLayout& layout) const;
  at::Tensor layers(const Range& range, const at::Tensor& x, const MovieGenConditioning& given,
                    const nn::PackLayout& layout) const;
  at::Tensor head(const at::Tensor& x, const MovieGenConditioning& given, const nn::PackLayout& layout) const;

 private:
  // [n, h]: what all blocks are conditioned on.
  at::Tensor time_embedded(const at::Tensor& noise_level) const;
  at::Tensor positions_embedded(const at::Tensor& positions) const;

  MovieGenShape shape_;
  RecomputePlan plan_;
  nn::Linear x_embedder_;
  at::Tensor emb_t_, emb_h_, emb_w_;
  TimeEmbedder time_embedder_;
  at::Tensor time_norm_weight_;
  StageLayers<MovieGenBlock> blocks_;
  nn::Linear final_layer_linear_;
};

BackboneSpec moviegen_spec(const MovieGenShape& shape, const RecomputePlan& plan = {});

}  // namespace dfm::model
