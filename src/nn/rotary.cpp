#include "nn/rotary.h"

#include <array>

#include "nn/operators.h"

namespace dfm::nn {
namespace {

// [S] -> [S, width/2] float64.
at::Tensor angles_of_axis(const at::Tensor& coordinates, std::int64_t width) {
  constexpr double kBase = 10000.0;
  const at::Tensor exponents =
      at::arange(0, width, 2, coordinates.options().dtype(at::kDouble)) / static_cast<double>(width);
  return at::outer(coordinates.to(at::kDouble), at::pow(kBase, -exponents));
}

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor turned_on_cpu(const at::Tensor& heads, const at::Tensor& turns, bool back) {
  const at::Tensor pairs = heads.to(at::kFloat).contiguous().unflatten(-1, {-1, 2});
  const at::Tensor by = back ? turns.conj() : turns;
  return at::view_as_real(at::view_as_complex(pairs) * by).flatten(-2).to(heads.scalar_type());
}

// `back` turns the other way.
TORCH_LIBRARY_FRAGMENT(dfm, library) {
  library.def("turned(Tensor heads, Tensor turns, bool back) -> Tensor");
}
TORCH_LIBRARY_IMPL(dfm, CPU, library) { library.impl("turned", turned_on_cpu); }

struct Turned : torch::autograd::Function<Turned> {
  static at::Tensor turn(const at::Tensor& heads, const at::Tensor& turns, bool back) {
    static const Operator<at::Tensor(const at::Tensor&, const at::Tensor&, bool)> turn_operator(
        "dfm::turned");
    return turn_operator(heads, turns, back);
  }

  static at::Tensor forward(AutogradContext* context, const at::Tensor& heads, const at::Tensor& turns) {
    context->save_for_backward({turns});
    return turn(heads, turns, false);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    return {turn(gradients[0], context->get_saved_variables()[0], true), {}};
  }
};

}  // namespace

at::Tensor rotary_turns(const at::Tensor& positions, std::int64_t head_width) {
  const std::int64_t plane = 2 * (head_width / 6);
  const std::array widths{head_width - 2 * plane, plane, plane};
  std::vector<at::Tensor> angles;
  for (std::size_t axis = 0; axis < widths.size(); ++axis) {
    angles.push_back(angles_of_axis(positions.select(1, static_cast<std::int64_t>(axis)), widths[axis]));
  }
  const at::Tensor all = at::cat(angles, 1);
  return at::complex(all.cos().to(at::kFloat), all.sin().to(at::kFloat));
}

at::Tensor turned(const at::Tensor& heads, const at::Tensor& turns) { return Turned::apply(heads, turns); }

}  // namespace dfm::nn
