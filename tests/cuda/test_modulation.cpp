// modulated_norm, modulated_rms_norm and gated_add on the GPU against plain tensors in float64.
#include "cuda/agreement.h"
#include "nn/modulation.h"

namespace dfm {
namespace {

using namespace test;

constexpr double kEpsilon = 1e-5;

// Samples of one token, of many, and of none.
nn::PackLayout samples_of_all_lengths() { return {{5, 1, 64, 1, 131}, {1, 1, 1, 1, 1}}; }
nn::PackLayout samples_without_tokens() {
  return samples_of_all_lengths().share({.tensor_ranks = 5, .tensor_rank = 1});
}
nn::PackLayout one_sample() { return {{1100}, {1}}; }

// A width for vectors, one for vectors of float32 alone, one for none, and one of many vectors a thread.
constexpr std::array<std::int64_t, 4> kWidths{1000, 1004, 333, 5120};

struct Modulation : OnGpu, testing::WithParamInterface<at::ScalarType> {
  // Calls body(layout, width) for layouts and widths of all kinds.
  template <class Body>
  static void for_each_shape(const Body& body) {
    for (const std::int64_t width : kWidths) {
      for (const nn::PackLayout& layout : {samples_of_all_lengths(), samples_without_tokens()}) {
        SCOPED_TRACE(fmt::format("width {}, {} tokens", width, layout.tokens()));
        body(layout, width);
      }
    }
    SCOPED_TRACE("one long sample");
    body(one_sample(), 96);
  }

  // Tokens and the halves or thirds of a modulation, as adaLN makes them: rows at a stride.
  static Tensors arguments(const nn::PackLayout& layout, std::int64_t width) {
    return {random({layout.tokens(), width}) * 3 + 1, random({layout.samples(), 3 * width})};
  }
};

at::Tensor layer_normed(const at::Tensor& x) {
  const at::Tensor centred = x - x.mean(1, true);
  return centred / (centred.square().mean(1, true) + kEpsilon).sqrt();
}

at::Tensor rms_normed(const at::Tensor& x) { return x / (x.square().mean(1, true) + kEpsilon).sqrt(); }

TEST_P(Modulation, NormAndItsGradientsAreThoseOfPlainTensors) {
  for_each_shape([&](const nn::PackLayout& layout, std::int64_t width) {
    expect_agreement(
        [&](const Tensors& in) {
          const auto m = in[1].chunk(3, 1);
          return nn::modulated_norm(in[0], m[0], m[2], kEpsilon, layout);
        },
        [&](const Tensors& in) {
          const auto m = in[1].chunk(3, 1);
          return layer_normed(in[0]) * (1 + layout.per_token(m[2])) + layout.per_token(m[0]);
        },
        arguments(layout, width), random({layout.tokens(), width}), GetParam());
  });
}

TEST_P(Modulation, RmsNormAndItsGradientsAreThoseOfPlainTensors) {
  for_each_shape([&](const nn::PackLayout& layout, std::int64_t width) {
    Tensors given = arguments(layout, width);
    given.push_back(random({width}));
    expect_agreement(
        [&](const Tensors& in) {
          const auto m = in[1].chunk(3, 1);
          return nn::modulated_rms_norm(in[0], in[2], {m[0], m[2]}, kEpsilon, layout);
        },
        [&](const Tensors& in) {
          const auto m = in[1].chunk(3, 1);
          return rms_normed(in[0]) * in[2] * (1 + layout.per_token(m[2])) + layout.per_token(m[0]);
        },
        given, random({layout.tokens(), width}), GetParam());
  });
}

TEST_P(Modulation, GatedAddAndItsGradientsAreThoseOfPlainTensors) {
  for_each_shape([&](const nn::PackLayout& layout, std::int64_t width) {
    Tensors given = arguments(layout, width);
    given.push_back(random({layout.tokens(), width}));
    expect_agreement(
        [&](const Tensors& in) { return nn::gated_add(in[0], in[1].chunk(3, 1)[1], in[2], layout); },
        [&](const Tensors& in) { return in[0] + layout.per_token(in[1].chunk(3, 1)[1]) * in[2]; }, given,
        random({layout.tokens(), width}), GetParam());
  });
}

// As on a rank that has no pack where others need it to take part.
TEST_P(Modulation, OfAPackWithoutSamplesHasEmptyGradients) {
  const nn::PackLayout none({}, {});
  for (const std::int64_t width : kWidths) {
    const auto on_gpu = at::TensorOptions(gpu()).dtype(GetParam());
    const at::Tensor x = at::zeros({0, width}, on_gpu).requires_grad_();
    const at::Tensor rows = at::zeros({0, 3 * width}, on_gpu).requires_grad_();
    const auto m = rows.chunk(3, 1);
    const at::Tensor y = nn::modulated_norm(x, m[0], m[1], kEpsilon, none);
    nn::gated_add(x, m[2], y, none).sum().backward();
    EXPECT_EQ(x.grad().sizes(), x.sizes());
    EXPECT_EQ(rows.grad().sizes(), rows.sizes());
  }
}

INSTANTIATE_TEST_SUITE_P(Types, Modulation, testing::Values(at::kFloat, at::kBFloat16),
                         [](const auto& which) { return std::string(at::toString(which.param)); });

}  // namespace
}  // namespace dfm
