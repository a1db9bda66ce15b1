#include "nn/collectives.h"

#include "nn/held.h"
#include "nn/raw_collectives.h"

namespace dfm::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// What the backward of a collective needs to know of its forward.
struct Way {
  const comm::Group* group;
  RowCounts out_counts, in_counts;
};

// forward and backward of one map, given as two functions of values.
template <class Map>
struct Collective : torch::autograd::Function<Collective<Map>> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const Holder& way) {
    keep(context, way);
    return Map::forward(x, value_in<Way>(way));
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    return {Map::backward(gradients[0], kept<Way>(context)), {}};
  }
};

template <class Map>
at::Tensor collective(const at::Tensor& x, Way way) {
  return Collective<Map>::apply(x, hold(std::move(way)));
}

struct Gather {
  static at::Tensor forward(const at::Tensor& x, const Way& way) {
    return raw::gather_rows(x, way.out_counts, *way.group);
  }
  static at::Tensor backward(const at::Tensor& g, const Way& way) {
    return raw::scatter_sum_rows(g, way.out_counts, *way.group);
  }
};

struct ScatterSum {
  static at::Tensor forward(const at::Tensor& x, const Way& way) {
    return raw::scatter_sum_rows(x, way.out_counts, *way.group);
  }
  static at::Tensor backward(const at::Tensor& g, const Way& way) {
    return raw::gather_rows(g, way.out_counts, *way.group);
  }
};

struct Sum {
  static at::Tensor forward(const at::Tensor& x, const Way& way) { return raw::sum_over(x, *way.group); }
  static at::Tensor backward(const at::Tensor& g, const Way&) { return g; }
};

struct Share {
  static at::Tensor forward(const at::Tensor& x, const Way&) { return x.view_as(x); }
  static at::Tensor backward(const at::Tensor& g, const Way& way) { return raw::sum_over(g, *way.group); }
};

struct Exchange {
  static at::Tensor forward(const at::Tensor& x, const Way& way) {
    return raw::exchange_rows(x, way.out_counts, way.in_counts, *way.group);
  }
  static at::Tensor backward(const at::Tensor& g, const Way& way) {
    return raw::exchange_rows(g, way.in_counts, way.out_counts, *way.group);
  }
};

}  // namespace

at::Tensor gather_rows(const at::Tensor& rows, const RowCounts& counts, const comm::Group& group) {
  return collective<Gather>(rows, {&group, counts, {}});
}

at::Tensor scatter_sum_rows(const at::Tensor& rows, const RowCounts& counts, const comm::Group& group) {
  return collective<ScatterSum>(rows, {&group, counts, {}});
}

at::Tensor sum_over(const at::Tensor& partial, const comm::Group& group) {
  return collective<Sum>(partial, {&group, {}, {}});
}

at::Tensor shared_by(const at::Tensor& same, const comm::Group& group) {
  return collective<Share>(same, {&group, {}, {}});
}

at::Tensor exchange_rows(const at::Tensor& out, const RowCounts& out_counts, const RowCounts& in_counts,
                         const comm::Group& group) {
  return collective<Exchange>(out, {&group, out_counts, in_counts});
}

}  // namespace dfm::nn
