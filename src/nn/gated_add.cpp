#include "nn/kernel_support.h"
#include "nn/modulation.h"
#include "nn/operators.h"
#include "nn/sample_rows.h"

namespace dfm::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

template <class T>
DFM_VECTOR_CLONES void gated_add_row(const T* x, const T* gate, const T* y, T* out, std::int64_t width) {
#pragma omp simd
  for (std::int64_t i = 0; i < width; ++i) store(load(x[i]) + load(gate[i]) * load(y[i]), out[i]);
}

template <class T>
DFM_VECTOR_CLONES void gated_add_row_backward(const T* gate, const T* y, const T* dout, T* dy,
                                              float* gate_sum, std::int64_t width) {
#pragma omp simd
  for (std::int64_t i = 0; i < width; ++i) {
    const float incoming = load(dout[i]);
    store(incoming * load(gate[i]), dy[i]);
    gate_sum[i] += incoming * load(y[i]);
  }
}

at::Tensor gated_add_on_cpu(const at::Tensor& x, const at::Tensor& gate, const at::Tensor& y,
                            const at::Tensor& begins) {
  const std::int64_t width = x.size(1);
  at::Tensor out = at::empty_like(x);
  dispatch(x, [&]<class T>(T) {
    const auto *const left = x.const_data_ptr<T>(), *const right = y.const_data_ptr<T>();
    auto* const target = out.mutable_data_ptr<T>();
    const auto gates = rows_of<T>(gate);
    for_each_block(blocks_of(begins), [&](std::int64_t, const TokenBlock& block) {
      for (std::int64_t t = block.begin; t < block.end; ++t) {
        gated_add_row(left + t * width, gates.row(block.sample), right + t * width, target + t * width,
                      width);
      }
    });
  });
  return out;
}

std::tuple<at::Tensor, at::Tensor> gated_add_backward_on_cpu(const at::Tensor& dout, const at::Tensor& gate,
                                                             const at::Tensor& y, const at::Tensor& begins) {
  const auto blocks = blocks_of(begins);
  const std::int64_t width = y.size(1);
  at::Tensor dy = at::empty_like(y);
  at::Tensor partial = at::zeros({static_cast<std::int64_t>(blocks.size()), width}, at::kFloat);
  auto* const sums = partial.mutable_data_ptr<float>();
  dispatch(y, [&]<class T>(T) {
    const auto *const right = y.const_data_ptr<T>(), *const incoming = dout.const_data_ptr<T>();
    auto* const out = dy.mutable_data_ptr<T>();
    const auto gates = rows_of<T>(gate);
    for_each_block(blocks, [&](std::int64_t i, const TokenBlock& block) {
      for (std::int64_t t = block.begin; t < block.end; ++t) {
        gated_add_row_backward(gates.row(block.sample), right + t * width, incoming + t * width,
                               out + t * width, sums + i * width, width);
      }
    });
  });
  return {dy, sum_by_sample(partial, blocks, gate.size(0)).to(gate.scalar_type())};
}

TORCH_LIBRARY_FRAGMENT(dfm, library) {
  library.def("gated_add(Tensor x, Tensor gate, Tensor y, Tensor begins) -> Tensor");
  library.def("gated_add_backward(Tensor dout, Tensor gate, Tensor y, Tensor begins) -> (Tensor, Tensor)");
}
TORCH_LIBRARY_IMPL(dfm, CPU, library) {
  library.impl("gated_add", gated_add_on_cpu);
  library.impl("gated_add_backward", gated_add_backward_on_cpu);
}

struct GatedAdd : torch::autograd::Function<GatedAdd> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& gate,
                            const at::Tensor& y, const at::Tensor& begins) {
    static const Operator<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&,
                                     const at::Tensor&)>
        gated_add_operator("dfm::gated_add");
    context->save_for_backward({gate, y, begins});
    return gated_add_operator(x, gate, y, begins);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    static const Operator<std::tuple<at::Tensor, at::Tensor>(const at::Tensor&, const at::Tensor&,
                                                             const at::Tensor&, const at::Tensor&)>
        backward_operator("dfm::gated_add_backward");
    const auto saved = context->get_saved_variables();
    const at::Tensor dout = gradients[0].contiguous();
    const auto [dy, dgate] = backward_operator(dout, saved[0], saved[1], saved[2]);
    return {dout, dgate, dy, {}};
  }
};

}  // namespace

at::Tensor gated_add(const at::Tensor& x, const at::Tensor& gate, const at::Tensor& y,
                     const PackLayout& layout) {
  return GatedAdd::apply(x.contiguous(), with_dense_rows(gate), y.contiguous(),
                         layout.token_begins_on(x.device()));
}

}  // namespace dfm::nn
