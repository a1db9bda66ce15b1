// The device is opened before any tensor exists (nn/device.h).
#include "cuda/gpu.h"

namespace dfm::test {

const at::Device& gpu() {
  static const at::Device device = nn::open_device("auto", 0);
  return device;
}

void keep_busy() {
  constexpr std::int64_t kWidth = 4096;
  at::Tensor product = at::eye(kWidth, at::TensorOptions(gpu()).dtype(at::kFloat));
  for (int i = 0; i < 10; ++i) product = product.mm(product);
}

double relative_error(const at::Tensor& actual, const at::Tensor& expected) {
  const at::Tensor left = actual.to(at::kCPU, at::kDouble), right = expected.to(at::kCPU, at::kDouble);
  return ((left - right).norm() / right.norm()).item<double>();
}

}  // namespace dfm::test

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  dfm::test::gpu();
  return RUN_ALL_TESTS();
}
