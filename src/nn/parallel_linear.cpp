#include "nn/parallel_linear.h"

#include "nn/collectives.h"

namespace dfm::nn {
namespace {

// The part of [features, inputs] with this rank's features; of a vector with inputs = 1.
Stripe feature_stripe(const Columns& features, std::int64_t inputs, const Range& mine) {
  const std::int64_t unit = features.width * inputs;
  return {features.count * unit, mine.begin * unit, mine.count * unit};
}

at::Tensor declare_columns(const Scope& scope, std::int64_t inputs, const Columns& outputs, Init init) {
  const Shape shape{outputs.total(), inputs};
  const Range mine = scope.parallel().share(outputs.count);
  return scope.declare_cut(
      "weight", shape,
      {{outputs.repeats * mine.count * outputs.width, inputs}, feature_stripe(outputs, inputs, mine)}, init);
}

at::Tensor declare_rows(const Scope& scope, const Columns& inputs, std::int64_t outputs, Init init) {
  const Shape shape{outputs, inputs.total()};
  const Range mine = scope.parallel().share(inputs.count);
  return scope.declare_cut(
      "weight", shape,
      {{outputs, inputs.repeats * mine.count * inputs.width}, feature_stripe(inputs, 1, mine)}, init);
}

}  // namespace

at::Tensor declare_features(const Scope& scope, const std::string& name, const Columns& features, Init init) {
  const Range mine = scope.parallel().share(features.count);
  return scope.declare_cut(
      name, {features.total()},
      {{features.repeats * mine.count * features.width}, feature_stripe(features, 1, mine)}, init);
}

ColumnLinear::ColumnLinear(const Scope& scope, std::int64_t inputs, const Columns& outputs, Init weight_init)
    : parallel_(scope.parallel()), linear_(declare_columns(scope, inputs, outputs, weight_init), {}) {}

ColumnLinear ColumnLinear::with_zero_bias(const Scope& scope, std::int64_t inputs, const Columns& outputs,
                                          Init weight_init) {
  ColumnLinear linear(scope, inputs, outputs, weight_init);
  linear.linear_.add_bias(declare_features(scope, "bias", outputs, Init::zeros()));
  return linear;
}

at::Tensor ColumnLinear::operator()(const at::Tensor& x, const PackLayout& layout) const {
  return parallel_.tensor_ranks() == 1 ? linear_(x) : of_coming(gather(x, layout));
}

ComingRows ColumnLinear::gather(const at::Tensor& x, const PackLayout& layout) const {
  return {x, layout.tensor_row_counts(), *parallel_.tensor};
}

at::Tensor ColumnLinear::of_coming(const ComingRows& rows) const {
  const at::Tensor& bias = linear_.bias();
  return rows.times(linear_.weight(), bias.defined() ? std::optional(bias) : std::nullopt);
}

std::vector<at::Tensor> ColumnLinear::side_by_side(const Of& own, const Of& shared,
                                                   const PackLayout& layout) {
  if (own.layer.parallel_.tensor_ranks() == 1)
    return {own.layer(own.rows, layout), shared.layer.of_shared(shared.rows)};
  const ComingRows rows = own.layer.gather(own.rows, layout);
  const at::Tensor of_shared = shared.layer.of_shared(shared.rows);
  return {own.layer.of_coming(rows), of_shared};
}

at::Tensor ColumnLinear::of_shared(const at::Tensor& rows) const { return linear_(rows); }

RowLinear::RowLinear(const Scope& scope, const Columns& inputs, std::int64_t outputs, Init weight_init)
    : parallel_(scope.parallel()), linear_(declare_rows(scope, inputs, outputs, weight_init), {}) {}

RowLinear RowLinear::with_zero_bias(const Scope& scope, const Columns& inputs, std::int64_t outputs,
                                    Init weight_init) {
  RowLinear linear(scope, inputs, outputs, weight_init);
  linear.bias_ = scope.declare("bias", {outputs}, Init::zeros());
  if (scope.parallel().tensor_ranks() == 1) linear.linear_.add_bias(linear.bias_);
  return linear;
}

at::Tensor RowLinear::operator()(const at::Tensor& x, const PackLayout& layout) const {
  if (parallel_.tensor_ranks() == 1) return linear_(x);
  const at::Tensor sum = scatter_sum_rows(linear_(x), layout.tensor_row_counts(), *parallel_.tensor);
  return bias_.defined() ? sum + bias_ : sum;
}

at::Tensor RowLinear::partial(const at::Tensor& x) const { return linear_(x); }

}  // namespace dfm::nn
