#include "encoders/t5_positions.h"

#include <cmath>

namespace dfm::encoders {

// In float32 and in this order, as Hugging Face does it: at the edge of a bucket rounding decides.
at::Tensor t5_buckets(const T5Shape& shape, std::int64_t tokens) {
  const std::int64_t in_direction = shape.buckets / 2, exact = in_direction / 2;
  const at::Tensor distances = at::arange(1 - tokens, tokens, at::kLong), sizes = distances.abs();
  const double octaves = std::log(static_cast<double>(shape.far) / static_cast<double>(exact));
  const at::Tensor grown =
      ((sizes.to(at::kFloat) / exact).log() / octaves * (in_direction - exact)).clamp_min(0).to(at::kLong);
  const at::Tensor large = (grown + exact).clamp_max(in_direction - 1);
  return at::where(sizes < exact, sizes, large) + (distances > 0).to(at::kLong) * in_direction;
}

at::Tensor t5_bias(const at::Tensor& table, const at::Tensor& buckets) {
  const std::int64_t tokens = (buckets.numel() + 1) / 2;
  const at::Tensor by_distance = table.index_select(0, buckets.to(table.device())).to(at::kFloat).t();
  // Window w holds the distances w + 1 - tokens + j; query i looks at j - i.
  return by_distance.unfold(1, tokens, 1).flip(1);
}

}  // namespace dfm::encoders
