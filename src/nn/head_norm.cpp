#include "nn/head_norm.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "nn/kernel_support.h"
#include "nn/operators.h"

namespace dfm::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t kTokensInBlock = 64;

// Inverse root mean square of one head of one token.
template <class T>
DFM_VECTOR_CLONES float inverse_rms(const T* x, std::int64_t width, float epsilon) {
  float squares = 0;
#pragma omp simd reduction(+ : squares)
  for (std::int64_t i = 0; i < width; ++i) squares += load(x[i]) * load(x[i]);
  return 1.0F / std::sqrt(squares / static_cast<float>(width) + epsilon);
}

template <class T>
DFM_VECTOR_CLONES void scale_row(const T* x, const T* weight, float factor, T* y, std::int64_t width) {
#pragma omp simd
  for (std::int64_t i = 0; i < width; ++i) store(load(x[i]) * factor * load(weight[i]), y[i]);
}

// y = x r w with r the inverse rms: dx = r (w dy - x r^2 mean(x w dy)), dw += x r dy.
template <class T>
DFM_VECTOR_CLONES void scale_row_backward(const T* x, const T* weight, const T* dy, float r, T* dx,
                                          float* weight_sum, std::int64_t width) {
  float dot = 0;
#pragma omp simd reduction(+ : dot)
  for (std::int64_t i = 0; i < width; ++i) {
    dot += load(x[i]) * load(weight[i]) * load(dy[i]);
    weight_sum[i] += load(x[i]) * r * load(dy[i]);
  }
  dot *= r * r / static_cast<float>(width);
#pragma omp simd
  for (std::int64_t i = 0; i < width; ++i) {
    store(r * (load(weight[i]) * load(dy[i]) - load(x[i]) * dot), dx[i]);
  }
}

// Autograd wants every tensor argument defined: a part without a norm has an empty weight.
bool is_normalised(const at::Tensor& weight) { return weight.numel() > 0; }

// Where part p of head `head` of token t lies.
struct HeadLayout {
  std::int64_t tokens, heads, parts, width;
  std::int64_t packed(std::int64_t token, std::int64_t head, std::int64_t part) const {
    return ((token * heads + head) * parts + part) * width;
  }
  std::int64_t separate(std::int64_t token, std::int64_t head) const {
    return (head * tokens + token) * width;
  }
  std::int64_t blocks() const { return (tokens + kTokensInBlock - 1) / kTokensInBlock; }
};

// Runs body(block, token, head) over all tokens and heads; blocks in parallel.
template <class Body>
void for_each_head(const HeadLayout& layout, const Body& body) {
  at::parallel_for(0, layout.blocks(), 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t block = first; block < last; ++block) {
      const std::int64_t end = std::min((block + 1) * kTokensInBlock, layout.tokens);
      for (std::int64_t token = block * kTokensInBlock; token < end; ++token) {
        for (std::int64_t head = 0; head < layout.heads; ++head) body(block, token, head);
      }
    }
  });
}

template <class T>
void split_part(const at::Tensor& packed, const HeadLayout& layout, std::int64_t part,
                const at::Tensor& weight, float epsilon, at::Tensor& out) {
  const auto* const in = packed.const_data_ptr<T>();
  auto* const target = out.mutable_data_ptr<T>();
  const T* const w = is_normalised(weight) ? weight.const_data_ptr<T>() : nullptr;
  for_each_head(layout, [&](std::int64_t, std::int64_t token, std::int64_t head) {
    const T* const x = in + layout.packed(token, head, part);
    T* const y = target + layout.separate(token, head);
    if (w == nullptr) {
      std::copy_n(x, layout.width, y);
    } else {
      scale_row(x, w, inverse_rms(x, layout.width, epsilon), y, layout.width);
    }
  });
}

// Writes part `part` of the packed gradient and returns the weight's gradient (undefined without a norm).
template <class T>
at::Tensor split_part_backward(const at::Tensor& packed, const HeadLayout& layout, std::int64_t part,
                               const at::Tensor& weight, float epsilon, const at::Tensor& incoming,
                               at::Tensor& packed_gradient) {
  const auto *const in = packed.const_data_ptr<T>(), *const dy = incoming.const_data_ptr<T>();
  auto* const dx = packed_gradient.mutable_data_ptr<T>();
  const T* const w = is_normalised(weight) ? weight.const_data_ptr<T>() : nullptr;
  at::Tensor partial = at::zeros({w == nullptr ? 0 : layout.blocks(), layout.width}, at::kFloat);
  float* const sums = partial.mutable_data_ptr<float>();
  for_each_head(layout, [&](std::int64_t block, std::int64_t token, std::int64_t head) {
    const std::int64_t at = layout.packed(token, head, part);
    const T* const gradient = dy + layout.separate(token, head);
    if (w == nullptr) {
      std::copy_n(gradient, layout.width, dx + at);
    } else {
      scale_row_backward(in + at, w, gradient, inverse_rms(in + at, layout.width, epsilon), dx + at,
                         sums + block * layout.width, layout.width);
    }
  });
  return w == nullptr ? at::Tensor() : partial.sum(0).to(weight.scalar_type());
}

HeadLayout layout_of(const at::Tensor& projected, std::int64_t heads, std::size_t parts) {
  const auto count = static_cast<std::int64_t>(parts);
  return {projected.size(0), heads, count, projected.size(1) / (heads * count)};
}

std::vector<at::Tensor> split_heads_on_cpu(const at::Tensor& projected, at::TensorList weights,
                                           std::int64_t heads, double epsilon) {
  const HeadLayout layout = layout_of(projected, heads, weights.size());
  std::vector<at::Tensor> out;
  dispatch(projected, [&]<class T>(T) {
    for (std::int64_t part = 0; part < layout.parts; ++part) {
      out.push_back(at::empty({heads, layout.tokens, layout.width}, projected.options()));
      split_part<T>(projected, layout, part, weights[part], static_cast<float>(epsilon), out.back());
    }
  });
  return out;
}

std::vector<at::Tensor> split_heads_backward_on_cpu(at::TensorList gradients, const at::Tensor& projected,
                                                    at::TensorList weights, std::int64_t heads,
                                                    double epsilon) {
  const HeadLayout layout = layout_of(projected, heads, weights.size());
  at::Tensor packed_gradient = at::empty_like(projected);
  std::vector<at::Tensor> results{packed_gradient};
  dispatch(projected, [&]<class T>(T) {
    for (std::int64_t part = 0; part < layout.parts; ++part) {
      results.push_back(split_part_backward<T>(projected, layout, part, weights[part],
                                               static_cast<float>(epsilon), gradients[part].contiguous(),
                                               packed_gradient));
    }
  });
  return results;
}

// weights: one a part, empty for a part without a norm. The backward pass returns the gradient of
// `projected`, then those of the weights.
TORCH_LIBRARY_FRAGMENT(dfm, library) {
  library.def("split_heads(Tensor projected, Tensor[] weights, int heads, float epsilon) -> Tensor[]");
  library.def(
      "split_heads_backward(Tensor[] gradients, Tensor projected, Tensor[] weights, int heads, "
      "float epsilon) -> Tensor[]");
}
TORCH_LIBRARY_IMPL(dfm, CPU, library) {
  library.impl("split_heads", split_heads_on_cpu);
  library.impl("split_heads_backward", split_heads_backward_on_cpu);
}

// Autograd sees tensors only as arguments of their own, so the weights of up to three parts are spelt out.
struct SplitHeads : torch::autograd::Function<SplitHeads> {
  static variable_list forward(AutogradContext* context, const at::Tensor& projected,
                               const at::Tensor& weight0, const at::Tensor& weight1,
                               const at::Tensor& weight2, std::int64_t parts, std::int64_t heads,
                               double epsilon) {
    static const Operator<std::vector<at::Tensor>(const at::Tensor&, at::TensorList, std::int64_t, double)>
        split_operator("dfm::split_heads");
    context->save_for_backward({projected, weight0, weight1, weight2});
    context->saved_data["heads"] = heads;
    context->saved_data["epsilon"] = epsilon;
    const std::array weights{weight0, weight1, weight2};
    return split_operator(projected, at::TensorList(weights.data(), static_cast<std::size_t>(parts)), heads,
                          epsilon);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    static const Operator<std::vector<at::Tensor>(at::TensorList, const at::Tensor&, at::TensorList,
                                                  std::int64_t, double)>
        backward_operator("dfm::split_heads_backward");
    const auto saved = context->get_saved_variables();
    const at::TensorList weights(saved.data() + 1, gradients.size());
    variable_list results =
        backward_operator(gradients, saved[0], weights, context->saved_data["heads"].toInt(),
                          context->saved_data["epsilon"].toDouble());
    results.resize(7);  // one an argument of forward
    return results;
  }
};

}  // namespace

std::vector<at::Tensor> split_heads(const at::Tensor& projected, std::int64_t heads,
                                    const std::vector<at::Tensor>& weights, double epsilon) {
  ensure(!weights.empty() && weights.size() <= 3, "a head has one to three parts");
  std::array<at::Tensor, 3> padded;
  for (std::size_t part = 0; part < padded.size(); ++part) {
    const bool has_norm = part < weights.size() && weights[part].defined();
    padded[part] = has_norm ? weights[part] : at::empty({0}, projected.options());
  }
  return SplitHeads::apply(projected.contiguous(), padded[0], padded[1], padded[2],
                           static_cast<std::int64_t>(weights.size()), heads, epsilon);
}

}  // namespace dfm::nn
