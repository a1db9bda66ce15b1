// What the tests of everything above LibTorch share: random tensors, errors between tensors, numbers of
// threads.
#pragma once

#include <algorithm>
#include <cmath>

#include <ATen/CPUGeneratorImpl.h>

#include "nn/torch_header.h"
#include "support/seed.h"

namespace dfm::testing {

// |ours - expected| / |expected|, Euclidean norms in float64. Where nothing but zeros is expected, the root
// of the mean square of ours.
inline double relative_error(const at::Tensor& ours, const at::Tensor& expected) {
  const at::Tensor golden = expected.detach().to(at::kDouble);
  const double error = (ours.detach().to(at::kDouble) - golden).norm().item<double>();
  const double size = golden.norm().item<double>();
  if (size == 0) return error / std::sqrt(static_cast<double>(std::max<std::int64_t>(1, golden.numel())));
  return error / size;
}

// Standard normal tensors; the same seed gives the same sequence.
class Normals {
 public:
  explicit Normals(std::uint64_t seed = announced_seed())
      : generator_(at::detail::createCPUGenerator(seed)) {}

  at::Tensor operator()(at::IntArrayRef shape) { return at::randn(shape, generator_, at::kFloat); }

 private:
  at::Generator generator_;
};

// A number of threads for one scope.
class Threads {
 public:
  explicit Threads(int count) : before_(at::get_num_threads()) { at::set_num_threads(count); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  ~Threads() { at::set_num_threads(before_); }

 private:
  int before_;
};

}  // namespace dfm::testing
