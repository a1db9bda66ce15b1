#include "nn/collectives.h"

#include <torch/custom_class.h>

#include "nn/raw_collectives.h"

namespace dfm::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// What the backward of a collective needs to know of its forward. Autograd's context holds tensors and
// numbers only: the rest travels in a capsule.
struct Kept : torch::CustomClassHolder {
  Kept(const comm::Group& of, RowCounts out, RowCounts in)
      : group(&of), out_counts(std::move(out)), in_counts(std::move(in)) {}
  const comm::Group* group;
  RowCounts out_counts, in_counts;
};

using KeptPointer = c10::intrusive_ptr<torch::CustomClassHolder>;

KeptPointer keep(const comm::Group& group, const RowCounts& out = {}, const RowCounts& in = {}) {
  return c10::make_intrusive<Kept>(group, out, in);
}

const Kept& kept_in(const KeptPointer& pointer) { return static_cast<const Kept&>(*pointer); }

// forward and backward of one map, given as two functions of values.
template <class Map>
struct Collective : torch::autograd::Function<Collective<Map>> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const KeptPointer& kept) {
    context->saved_data["kept"] = c10::IValue::make_capsule(kept);
    return Map::forward(x, kept_in(kept));
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto kept = context->saved_data["kept"].toCapsule();
    return {Map::backward(gradients[0], kept_in(kept)), {}};
  }
};

struct Gather {
  static at::Tensor forward(const at::Tensor& x, const Kept& kept) {
    return raw::gather_rows(x, kept.out_counts, *kept.group);
  }
  static at::Tensor backward(const at::Tensor& g, const Kept& kept) {
    return raw::scatter_sum_rows(g, kept.out_counts, *kept.group);
  }
};

struct ScatterSum {
  static at::Tensor forward(const at::Tensor& x, const Kept& kept) {
    return raw::scatter_sum_rows(x, kept.out_counts, *kept.group);
  }
  static at::Tensor backward(const at::Tensor& g, const Kept& kept) {
    return raw::gather_rows(g, kept.out_counts, *kept.group);
  }
};

struct Sum {
  static at::Tensor forward(const at::Tensor& x, const Kept& kept) { return raw::sum_over(x, *kept.group); }
  static at::Tensor backward(const at::Tensor& g, const Kept&) { return g; }
};

struct Share {
  static at::Tensor forward(const at::Tensor& x, const Kept&) { return x.view_as(x); }
  static at::Tensor backward(const at::Tensor& g, const Kept& kept) { return raw::sum_over(g, *kept.group); }
};

struct Exchange {
  static at::Tensor forward(const at::Tensor& x, const Kept& kept) {
    return raw::exchange_rows(x, kept.out_counts, kept.in_counts, *kept.group);
  }
  static at::Tensor backward(const at::Tensor& g, const Kept& kept) {
    return raw::exchange_rows(g, kept.in_counts, kept.out_counts, *kept.group);
  }
};

}  // namespace

at::Tensor gather_rows(const at::Tensor& rows, const RowCounts& counts, const comm::Group& group) {
  return Collective<Gather>::apply(rows, keep(group, counts));
}

at::Tensor scatter_sum_rows(const at::Tensor& rows, const RowCounts& counts, const comm::Group& group) {
  return Collective<ScatterSum>::apply(rows, keep(group, counts));
}

at::Tensor sum_over(const at::Tensor& partial, const comm::Group& group) {
  return Collective<Sum>::apply(partial, keep(group));
}

at::Tensor shared_by(const at::Tensor& same, const comm::Group& group) {
  return Collective<Share>::apply(same, keep(group));
}

at::Tensor exchange_rows(const at::Tensor& out, const RowCounts& out_counts, const RowCounts& in_counts,
                         const comm::Group& group) {
  return Collective<Exchange>::apply(out, keep(group, out_counts, in_counts));
}

}  // namespace dfm::nn
