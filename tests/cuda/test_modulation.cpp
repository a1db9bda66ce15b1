#include "cuda/gpu.h"
#include "nn/modulation.h"

namespace dfm {
namespace {

using test::gpu;
using test::relative_error;

struct Modulation : test::OnGpu {
  nn::PackLayout layout{{5, 64, 131}, {1, 1, 1}};
  std::int64_t width = 1000;

  at::Tensor tokens() const { return at::randn({layout.tokens(), width}, at::kDouble); }
  at::Tensor samples() const { return at::randn({layout.samples(), width}, at::kDouble); }
};

TEST_F(Modulation, GatedAddIsThatOfPlainTensors) {
  const at::Tensor x = tokens(), gate = samples(), y = tokens();
  const at::Tensor expected = x + layout.per_token(gate) * y;
  for (const auto& [type, bound] : {std::pair(at::kFloat, 1e-6), std::pair(at::kBFloat16, 1e-2)}) {
    const auto on_gpu = at::TensorOptions(gpu()).dtype(type);
    const at::Tensor out = nn::gated_add(x.to(on_gpu), gate.to(on_gpu), y.to(on_gpu), layout);
    EXPECT_LT(relative_error(out, expected), bound);
  }
}

}  // namespace
}  // namespace dfm
