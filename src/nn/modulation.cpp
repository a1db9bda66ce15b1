#include "nn/modulation.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "nn/kernel_support.h"
#include "nn/operators.h"

namespace dfm::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// A per-sample operand: row i at data + i * stride.
template <class T>
struct Rows {
  const T* data;
  std::int64_t stride;
  const T* row(std::int64_t i) const { return data + i * stride; }
};

template <class T>
Rows<T> rows_of(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<T>(), tensor.stride(0)};
}

at::Tensor with_dense_rows(const at::Tensor& tensor) {
  return tensor.stride(1) == 1 ? tensor : tensor.contiguous();
}

struct Moments {
  float mean, inverse_deviation;
};

template <class T>
DFM_VECTOR_CLONES Moments moments_of(const T* x, std::int64_t width, float epsilon) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < width; ++i) sum += load(x[i]);
  const float mean = sum / static_cast<float>(width);
  float squares = 0;
#pragma omp simd reduction(+ : squares)
  for (std::int64_t i = 0; i < width; ++i) squares += (load(x[i]) - mean) * (load(x[i]) - mean);
  return {mean, 1.0F / std::sqrt(squares / static_cast<float>(width) + epsilon)};
}

template <class T>
DFM_VECTOR_CLONES void modulate_row(const T* x, const T* shift, const T* scale, Moments moments, T* y,
                                    std::int64_t width) {
#pragma omp simd
  for (std::int64_t i = 0; i < width; ++i) {
    const float normal = (load(x[i]) - moments.mean) * moments.inverse_deviation;
    store(normal * (1.0F + load(scale[i])) + load(shift[i]), y[i]);
  }
}

// With g = dy (1 + scale) and the normalised x: dx = (g - mean(g) - x mean(g x)) / deviation.
template <class T>
DFM_VECTOR_CLONES void modulate_row_backward(const T* x, const T* scale, const T* dy, Moments moments, T* dx,
                                             float* shift_sum, float* scale_sum, std::int64_t width) {
  float sum = 0, dot = 0;
#pragma omp simd reduction(+ : sum, dot)
  for (std::int64_t i = 0; i < width; ++i) {
    const float normal = (load(x[i]) - moments.mean) * moments.inverse_deviation;
    const float incoming = load(dy[i]);
    const float g = incoming * (1.0F + load(scale[i]));
    sum += g;
    dot += g * normal;
    shift_sum[i] += incoming;
    scale_sum[i] += incoming * normal;
  }
  sum /= static_cast<float>(width);
  dot /= static_cast<float>(width);
#pragma omp simd
  for (std::int64_t i = 0; i < width; ++i) {
    const float normal = (load(x[i]) - moments.mean) * moments.inverse_deviation;
    const float g = load(dy[i]) * (1.0F + load(scale[i]));
    store((g - sum - normal * dot) * moments.inverse_deviation, dx[i]);
  }
}

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

// Runs body(block index, block) over all blocks, in parallel.
template <class Body>
void for_each_block(const std::vector<TokenBlock>& blocks, const Body& body) {
  at::parallel_for(0, static_cast<std::int64_t>(blocks.size()), 1,
                   [&](std::int64_t first, std::int64_t last) {
                     for (std::int64_t i = first; i < last; ++i) body(i, blocks[static_cast<std::size_t>(i)]);
                   });
}

// Sums the partial rows [blocks, width] of each sample, in block order -> [n, width].
at::Tensor sum_by_sample(const at::Tensor& partial, const std::vector<TokenBlock>& blocks,
                         std::int64_t samples) {
  const std::int64_t width = partial.size(1);
  at::Tensor sums = at::zeros({samples, width}, at::kFloat);
  const float* from = partial.const_data_ptr<float>();
  for (const TokenBlock& block : blocks) {
    float* const to = sums.mutable_data_ptr<float>() + block.sample * width;
    std::transform(from, from + width, to, to, std::plus<>());
    from += width;
  }
  return sums;
}

struct ModulatedNorm : torch::autograd::Function<ModulatedNorm> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& shift,
                            const at::Tensor& scale, double epsilon, const PackLayout& layout) {
    const std::int64_t width = x.size(1);
    at::Tensor y = at::empty_like(x);
    at::Tensor moments = at::empty({x.size(0), 2}, at::kFloat);
    auto* const saved = reinterpret_cast<Moments*>(moments.mutable_data_ptr<float>());
    const auto blocks = token_blocks(layout.token_begins());
    dispatch(x, [&]<class T>(T) {
      const auto* const in = x.const_data_ptr<T>();
      auto* const out = y.mutable_data_ptr<T>();
      const auto shifts = rows_of<T>(shift), scales = rows_of<T>(scale);
      for_each_block(blocks, [&](std::int64_t, const TokenBlock& block) {
        for (std::int64_t t = block.begin; t < block.end; ++t) {
          saved[t] = moments_of(in + t * width, width, static_cast<float>(epsilon));
          modulate_row(in + t * width, shifts.row(block.sample), scales.row(block.sample), saved[t],
                       out + t * width, width);
        }
      });
    });
    context->save_for_backward({x, scale, moments});
    context->saved_data["begins"] = layout.token_begins();
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &scale = saved[1], dy = gradients[0].contiguous();
    const auto* const moments = reinterpret_cast<const Moments*>(saved[2].const_data_ptr<float>());
    const auto blocks = token_blocks(context->saved_data["begins"].toIntVector());
    const std::int64_t width = x.size(1), samples = scale.size(0);
    at::Tensor dx = at::empty_like(x);
    at::Tensor partial = at::zeros({static_cast<std::int64_t>(blocks.size()), 2 * width}, at::kFloat);
    auto* const sums = partial.mutable_data_ptr<float>();
    dispatch(x, [&]<class T>(T) {
      const auto *const in = x.const_data_ptr<T>(), *const incoming = dy.const_data_ptr<T>();
      auto* const out = dx.mutable_data_ptr<T>();
      const auto scales = rows_of<T>(scale);
      for_each_block(blocks, [&](std::int64_t i, const TokenBlock& block) {
        float* const shift_sum = sums + i * 2 * width;
        for (std::int64_t t = block.begin; t < block.end; ++t) {
          modulate_row_backward(in + t * width, scales.row(block.sample), incoming + t * width, moments[t],
                                out + t * width, shift_sum, shift_sum + width, width);
        }
      });
    });
    const auto both = sum_by_sample(partial, blocks, samples).to(scale.scalar_type()).chunk(2, 1);
    return {dx, both[0], both[1], {}, {}};
  }
};

// begins [n + 1] int64 on the CPU.
std::vector<TokenBlock> blocks_of(const at::Tensor& begins) {
  const auto* const values = begins.const_data_ptr<std::int64_t>();
  return token_blocks({values, values + begins.numel()});
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

TORCH_LIBRARY_FRAGMENT(dfm, library) {
  library.def("gated_add(Tensor x, Tensor gate, Tensor y, Tensor begins) -> Tensor");
}
TORCH_LIBRARY_IMPL(dfm, CPU, library) { library.impl("gated_add", gated_add_on_cpu); }

struct GatedAdd : torch::autograd::Function<GatedAdd> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& gate,
                            const at::Tensor& y, const PackLayout& layout) {
    static const Operator<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&,
                                     const at::Tensor&)>
        gated_add_operator("dfm::gated_add");
    context->save_for_backward({gate, y});
    context->saved_data["begins"] = layout.token_begins();
    return gated_add_operator(x, gate, y, layout.token_begins_on(x.device()));
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &gate = saved[0], &y = saved[1], dout = gradients[0].contiguous();
    const auto blocks = token_blocks(context->saved_data["begins"].toIntVector());
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
    const at::Tensor dgate = sum_by_sample(partial, blocks, gate.size(0)).to(gate.scalar_type());
    return {dout, dgate, dy, {}};
  }
};

}  // namespace

at::Tensor modulated_norm(const at::Tensor& x, const at::Tensor& shift, const at::Tensor& scale,
                          double epsilon, const PackLayout& layout) {
  return ModulatedNorm::apply(x.contiguous(), with_dense_rows(shift), with_dense_rows(scale), epsilon,
                              layout);
}

at::Tensor gated_add(const at::Tensor& x, const at::Tensor& gate, const at::Tensor& y,
                     const PackLayout& layout) {
  return GatedAdd::apply(x.contiguous(), with_dense_rows(gate), y.contiguous(), layout);
}

}  // namespace dfm::nn
