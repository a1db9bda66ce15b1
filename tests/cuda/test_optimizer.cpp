// The optimizer's kernels against the CPU's, which tests/unit/train compares with the formulas of the paper.
#include "cuda/gpu.h"
#include "train/optimizer_kernels.h"

namespace dfm {
namespace {

using test::gpu;
using test::relative_error;
using train::AdamSegment;

// Lengths and offsets that no vector divides, one longer than what a block of threads takes, and more
// segments than one launch has.
std::vector<std::int64_t> counts() {
  std::vector<std::int64_t> all{1, 3, 4, 33000, 1000, 4097};
  all.resize(120, 37);
  return all;
}

AdamSegment random_segment(std::int64_t count, at::ScalarType type) {
  const std::int64_t offset = count % 3;
  const auto part = [&](const at::Tensor& all) { return all.narrow(0, offset, count); };
  return {.weights = part(at::randn({offset + count})),
          .gradient = part(at::randn({offset + count}).to(type)),
          .first_moment = part(at::randn({offset + count})),
          .second_moment = part(at::rand({offset + count})),
          .average = part(at::randn({offset + count})),
          .published = part(at::zeros({offset + count}, type)),
          .decays = count % 2 == 0};
}

// Slices of a larger tensor, so that the pointers are as little aligned as on the CPU.
at::Tensor on_gpu(const at::Tensor& tensor) {
  if (!tensor.defined()) return tensor;
  const std::int64_t offset = tensor.storage_offset();
  at::Tensor all = at::zeros({offset + tensor.numel()}, tensor.options().device(gpu()));
  return all.narrow(0, offset, tensor.numel()).copy_(tensor);
}

AdamSegment on_gpu(const AdamSegment& s) {
  return {.weights = on_gpu(s.weights),
          .gradient = on_gpu(s.gradient),
          .first_moment = on_gpu(s.first_moment),
          .second_moment = on_gpu(s.second_moment),
          .average = on_gpu(s.average),
          .published = on_gpu(s.published),
          .decays = s.decays};
}

constexpr train::AdamStep kStep{.beta1 = 0.9,
                                .beta2 = 0.95,
                                .epsilon = 1e-5,
                                .rate = 0.1,
                                .root_correction = 1.5,
                                .decay = 0.97,
                                .average_rate = 0.1};

struct OptimizerKernels : test::OnGpu, testing::WithParamInterface<at::ScalarType> {
  // The same random segments on the CPU and on the GPU, both updated once.
  void update(bool has_average, bool publishes) {
    for (const std::int64_t count : counts()) {
      AdamSegment segment = random_segment(count, GetParam());
      if (!has_average) segment.average.reset();
      if (!publishes) segment.published.reset();
      there.push_back(on_gpu(segment));
      here.push_back(std::move(segment));
    }
    train::update_by_adam(here, kStep, at::scalar_tensor(0.7, at::kFloat));
    train::update_by_adam(there, kStep, at::full({}, 0.7, at::TensorOptions(gpu()).dtype(at::kFloat)));
  }

  // All segments together: a single number near zero has no relative error to speak of.
  void expect_equal(at::Tensor AdamSegment::*member, double bound) const {
    const auto all = [&](const std::vector<AdamSegment>& segments) {
      std::vector<at::Tensor> parts;
      for (const AdamSegment& segment : segments) parts.push_back(segment.*member);
      return at::cat(parts);
    };
    EXPECT_LT(relative_error(all(there), all(here)), bound);
  }

  std::vector<AdamSegment> here, there;
};

TEST_P(OptimizerKernels, AdamIsThatOfTheCpu) {
  update(true, true);
  expect_equal(&AdamSegment::weights, 1e-6);
  expect_equal(&AdamSegment::first_moment, 1e-6);
  expect_equal(&AdamSegment::second_moment, 1e-6);
  expect_equal(&AdamSegment::average, 1e-6);
}

TEST_P(OptimizerKernels, AdamPublishesTheNewWeightsRounded) {
  update(false, true);
  for (const AdamSegment& segment : there) {
    EXPECT_TRUE(at::equal(segment.published.to(at::kFloat), segment.weights.to(GetParam()).to(at::kFloat)));
  }
}

TEST_P(OptimizerKernels, AdamNeedsNoAverageAndNoCopy) {
  update(false, false);
  expect_equal(&AdamSegment::weights, 1e-6);
}

TEST_P(OptimizerKernels, AdamWritesNothingBesideItsSegments) {
  const at::Tensor all = at::ones({64}, at::TensorOptions(gpu()).dtype(at::kFloat));
  const at::Tensor zeros = at::zeros_like(all);
  AdamSegment segment{.weights = all.narrow(0, 5, 7),
                      .gradient = zeros.to(GetParam()).narrow(0, 1, 7),
                      .first_moment = zeros.narrow(0, 0, 7),
                      .second_moment = zeros.narrow(0, 32, 7),
                      .average = {},
                      .published = {}};
  train::update_by_adam({segment}, kStep, zeros.select(0, 63));
  const at::Tensor expected = at::ones({64});
  expected.narrow(0, 5, 7).fill_(static_cast<float>(kStep.decay));
  EXPECT_TRUE(at::equal(all.cpu(), expected));
}

TEST_P(OptimizerKernels, TheSumOfSquaresIsThatInFloat64AndAlwaysTheSame) {
  std::vector<at::Tensor> tensors;
  at::Tensor expected = at::zeros({}, at::kDouble);
  for (const std::int64_t count : counts()) {
    const at::Tensor values = random_segment(count, GetParam()).gradient;
    expected += values.to(at::kDouble).square().sum();
    tensors.push_back(on_gpu(values));
  }
  const at::Tensor sum = train::sum_of_squares(tensors, gpu());
  EXPECT_EQ(sum.device(), gpu());
  EXPECT_LT(relative_error(sum, expected), 1e-6);
  EXPECT_TRUE(at::equal(train::sum_of_squares(tensors, gpu()), sum));
}

TEST_P(OptimizerKernels, TheSumOfSquaresOfNothingIsZero) {
  EXPECT_EQ(train::sum_of_squares({}, gpu()).item<double>(), 0);
  const at::Tensor empty = at::empty({0}, at::TensorOptions(gpu()).dtype(GetParam()));
  EXPECT_EQ(train::sum_of_squares({empty}, gpu()).item<double>(), 0);
}

INSTANTIATE_TEST_SUITE_P(Types, OptimizerKernels, testing::Values(at::kFloat, at::kBFloat16),
                         [](const auto& which) { return std::string(at::toString(which.param)); });

}  // namespace
}  // namespace dfm
