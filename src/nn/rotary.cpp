#include "nn/rotary.h"

#include <array>

namespace dfm::nn {
namespace {

// [S] -> [S, width/2] float64.
at::Tensor angles_of_axis(const at::Tensor& coordinates, std::int64_t width) {
  constexpr double kBase = 10000.0;
  const at::Tensor exponents =
      at::arange(0, width, 2, coordinates.options().dtype(at::kDouble)) / static_cast<double>(width);
  return at::outer(coordinates.to(at::kDouble), at::pow(kBase, -exponents));
}

}  // namespace

at::Tensor rotary_turns(const at::Tensor& positions, std::int64_t head_width) {
  const std::int64_t plane = 2 * (head_width / 6);
  const std::array widths{head_width - 2 * plane, plane, plane};
  std::vector<at::Tensor> angles;
  for (std::size_t axis = 0; axis < widths.size(); ++axis) {
    angles.push_back(angles_of_axis(positions.select(1, static_cast<std::int64_t>(axis)), widths[axis]));
  }
  const at::Tensor all = at::cat(angles, 1);
  return at::complex(all.cos().to(at::kFloat), all.sin().to(at::kFloat));
}

at::Tensor turned(const at::Tensor& heads, const at::Tensor& turns) {
  const at::Tensor pairs = heads.to(at::kFloat).contiguous().unflatten(-1, {-1, 2});
  return at::view_as_real(at::view_as_complex(pairs) * turns).flatten(-2).to(heads.scalar_type());
}

}  // namespace dfm::nn
