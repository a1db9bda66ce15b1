// Linear layers that the tensor ranks divide (Shoeybi et al., "Megatron-LM"; Korthikanti et al., "Reducing
// activation recomputation", for the rows): between a ColumnLinear and the RowLinear after it, each rank has
// all rows of its context share and some of the features; outside of them, some of the rows and all of the
// features.
//
//   fc1_(scope.child("fc1"), h, Columns{ffn}, init), fc2_(scope.child("fc2"), Columns{ffn}, h, init)
//   return fc2_(at::gelu(fc1_(x, layout)), layout);
//
// On one rank both are nn::Linear.
#pragma once

#include <vector>

#include "nn/coming_rows.h"
#include "nn/linear.h"
#include "nn/pack.h"
#include "nn/parameter.h"

namespace dfm::nn {

// Features that are divided in whole units: `count` of them, each `width` features. With `repeats` there are
// several such blocks of features one after the other, as of a gate and what it gates, and each is cut alike.
struct Columns {
  std::int64_t count;
  std::int64_t width = 1;
  std::int64_t repeats = 1;

  std::int64_t total() const { return repeats * count * width; }
};

class ColumnLinear {
 public:
  ColumnLinear(const Scope& scope, std::int64_t inputs, const Columns& outputs, Init weight_init);
  // The bias starts at zero.
  static ColumnLinear with_zero_bias(const Scope& scope, std::int64_t inputs, const Columns& outputs,
                                     Init weight_init);

  // x: this rank's rows [n, inputs] -> [rows of the context share, this rank's outputs]. Collective.
  at::Tensor operator()(const at::Tensor& x, const PackLayout& layout) const;
  // Of rows that every rank has, as those of the text.
  at::Tensor of_shared(const at::Tensor& rows) const;

  // A layer and its rows.
  struct Of {
    const ColumnLinear& layer;
    const at::Tensor& rows;
  };
  // Collective. What one makes of this rank's rows and another of rows that every rank has, which goes on
  // while the first are gathered.
  static std::vector<at::Tensor> side_by_side(const Of& own, const Of& shared, const PackLayout& layout);

 private:
  ComingRows gather(const at::Tensor& x, const PackLayout& layout) const;
  at::Tensor of_coming(const ComingRows& rows) const;

  ModelParallel parallel_;
  Linear linear_;
};

class RowLinear {
 public:
  RowLinear(const Scope& scope, const Columns& inputs, std::int64_t outputs, Init weight_init);
  static RowLinear with_zero_bias(const Scope& scope, const Columns& inputs, std::int64_t outputs,
                                  Init weight_init);

  // x [rows of the context share, this rank's inputs] -> this rank's rows [n, outputs]. Collective.
  at::Tensor operator()(const at::Tensor& x, const PackLayout& layout) const;
  // What this rank adds to the sum over the tensor ranks, for who makes it: all rows, without the bias.
  at::Tensor partial(const at::Tensor& x) const;

 private:
  ModelParallel parallel_;
  Linear linear_;
  at::Tensor bias_;  // added once, after the sum over the ranks; undefined without a bias
};

// A vector with one value a feature.
at::Tensor declare_features(const Scope& scope, const std::string& name, const Columns& features, Init init);

}  // namespace dfm::nn
