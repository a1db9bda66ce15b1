#include "nn/coming_rows.h"

#include "nn/held.h"
#include "nn/linear_products.h"
#include "nn/raw_collectives.h"

namespace dfm::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// A backward pass asks for the counts and the group: its rows came long ago.
struct Coming {
  Coming(const at::Tensor& mine, RowCounts of_ranks, const comm::Group& over)
      : counts(std::move(of_ranks)), group(over), rows(mine, counts, group) {}
  RowCounts counts;
  const comm::Group& group;
  raw::GatheringRows rows;
};

struct Arrived : torch::autograd::Function<Arrived> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& /*mine*/, const Holder& holder) {
    keep(context, holder);
    return value_in<Coming>(holder).rows.finish();
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto& came = kept<Coming>(context);
    return {raw::scatter_sum_rows(gradients[0], came.counts, came.group), {}};
  }
};

struct GatheredLinear : torch::autograd::Function<GatheredLinear> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& /*mine*/, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias, const Holder& holder) {
    keep(context, holder);
    const at::Tensor rows = value_in<Coming>(holder).rows.finish();
    context->save_for_backward({rows, weight});
    context->saved_data["has_bias"] = bias.has_value();
    return linear_product(rows, weight, bias);
  }

  // What leaves the rank is computed first, and the rest while it travels.
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto& came = kept<Coming>(context);
    const LinearGradients gradient(gradients[0]);
    std::optional<raw::ScatteringSums> home;
    at::Tensor of_weight, of_bias;
    if (context->needs_input_grad(0)) home.emplace(gradient.of_input(saved[1]), came.counts, came.group);
    if (context->needs_input_grad(1)) of_weight = gradient.of_weight(saved[0]);
    if (context->saved_data["has_bias"].toBool() && context->needs_input_grad(2))
      of_bias = gradient.of_bias();
    return {home ? home->finish() : at::Tensor(), of_weight, of_bias, {}};
  }
};

}  // namespace

ComingRows::ComingRows(const at::Tensor& rows, const RowCounts& counts, const comm::Group& group)
    : rows_(rows), coming_(hold(Coming(rows, counts, group))) {}

at::Tensor ComingRows::arrived() const { return Arrived::apply(rows_, coming_); }

at::Tensor ComingRows::times(const at::Tensor& weight, const std::optional<at::Tensor>& bias) const {
  return GatheredLinear::apply(rows_, weight, bias, coming_);
}

}  // namespace dfm::nn
