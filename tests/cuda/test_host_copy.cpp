#include <thread>

#include "cuda/gpu.h"
#include "nn/host_copy.h"
#include "nn/pack.h"

namespace dfm {
namespace {

using test::gpu;

struct HostCopy : test::OnGpu {
  // More than two pieces, the last of them not whole.
  static constexpr std::int64_t kCount = (std::int64_t{9} << 20U) + 7;

  static at::Tensor numbers() { return at::arange(kCount, at::kFloat); }
};

TEST_F(HostCopy, FillsATensorPieceByPiece) {
  const at::Tensor target = at::zeros({kCount}, at::TensorOptions(gpu()).dtype(at::kFloat));
  std::int64_t filled = 0;
  nn::fill(target, [&](std::int64_t begin, std::span<float> out) {
    EXPECT_EQ(begin, filled);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(begin) + static_cast<float>(i);
    filled += static_cast<std::int64_t>(out.size());
  });
  EXPECT_EQ(filled, kCount);
  EXPECT_TRUE(at::equal(target.cpu(), numbers()));
}

TEST_F(HostCopy, BringsFromAnotherThreadWhatWasQueuedBefore) {
  const at::Tensor source = numbers().to(gpu());
  at::Tensor copy = at::zeros({kCount}, at::kFloat);
  nn::DeviceCopier(gpu()).copy(source, nn::floats_of(copy));  // pinned memory is there from here on
  test::keep_busy();
  source.add_(1);
  nn::DeviceCopier copier(gpu());
  std::thread([&] { copier.copy(source, nn::floats_of(copy)); }).join();
  EXPECT_TRUE(at::equal(copy, numbers().add_(1)));
}

TEST_F(HostCopy, OfATensorToTheDeviceKeepsItsValuesAndType) {
  const at::Tensor positions = at::arange(1000, at::kLong).view({-1, 2});
  const at::Tensor there = nn::to_device(positions, gpu());
  EXPECT_EQ(there.device(), gpu());
  EXPECT_TRUE(at::equal(there.cpu(), positions));
}

TEST_F(HostCopy, PerTokenHasTheGradientOfTheCpuAndTheSameBitsEachTime) {
  const nn::PackLayout layout({5, 64, 131}, {1, 1, 1});
  const at::Tensor values = at::randn({3, 96}), gradient = at::randn({200, 96});
  const auto gradient_on = [&](const at::Device& device) {
    const at::Tensor leaf = values.clone().to(device).requires_grad_();
    layout.per_token(leaf).backward(gradient.to(device));
    return leaf.grad().cpu();
  };
  const at::Tensor first = gradient_on(gpu());
  EXPECT_LT(test::relative_error(first, gradient_on(at::kCPU)), 1e-5);
  EXPECT_TRUE(at::equal(first, gradient_on(gpu())));
}

}  // namespace
}  // namespace dfm
