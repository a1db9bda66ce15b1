#include "nn/embedding.h"

#include <cmath>

#include <fmt/core.h>

#include "core/error.h"
#include "nn/host_copy.h"

namespace dfm::nn {
namespace {

constexpr double kBase = 10000.0;

// [sin(p w_i) | cos(p w_i)], w_i = base^(-i / (width/2)) for p = 0 .. count-1, in float64.
at::Tensor axis_table(std::int64_t count, std::int64_t width) {
  const at::Tensor exponents = at::arange(width / 2, at::kDouble) / (static_cast<double>(width) / 2);
  const at::Tensor angles = at::outer(at::arange(count, at::kDouble), at::pow(kBase, -exponents));
  return at::cat({angles.sin(), angles.cos()}, 1).to(at::kFloat);
}

void require_inside(const at::Tensor& positions, std::int64_t extent, const char* axis, const char* key) {
  const auto least = positions.min().item<std::int64_t>(), greatest = positions.max().item<std::int64_t>();
  if (least >= 0 && greatest < extent) return;
  throw usage_error(fmt::format("{} position {} is outside the position table of {} patches", axis,
                                least < 0 ? least : greatest, extent),
                    fmt::format("raise {} or use smaller samples", key));
}

}  // namespace

at::Tensor sinusoid(const at::Tensor& values, std::int64_t width, std::int64_t downscale) {
  const std::int64_t half = width / 2;
  const at::Tensor exponents = at::arange(half, values.options().dtype(at::kFloat)) *
                               (-std::log(kBase) / static_cast<double>(half - downscale));
  const at::Tensor angles = at::outer(values.to(at::kFloat), exponents.exp());
  return at::cat({angles.sin(), angles.cos()}, 1);
}

void require_positions_inside(const at::Tensor& positions, const std::array<std::int64_t, 3>& extents) {
  if (positions.size(0) == 0) return;  // a rank with no token of the pack
  require_inside(positions.select(1, 0), extents[0], "frame", "model.max_frames");
  require_inside(positions.select(1, 1), extents[1], "row", "model.max_img_h");
  require_inside(positions.select(1, 2), extents[2], "column", "model.max_img_w");
}

PositionTable::PositionTable(std::int64_t frames, std::int64_t rows, std::int64_t columns,
                             std::int64_t hidden)
    : axes_{axis_table(frames, hidden / 4), axis_table(rows, 3 * hidden / 8),
            axis_table(columns, 3 * hidden / 8)} {}

const PositionTable::Axes& PositionTable::axes_on(const at::Device& device) const {
  if (!elsewhere_ || elsewhere_->frame.device() != device)
    elsewhere_ = Axes{axes_.frame.to(device), axes_.row.to(device), axes_.column.to(device)};
  return *elsewhere_;
}

at::Tensor PositionTable::rows_for(const at::Tensor& positions, const at::Device& device) const {
  require_positions_inside(positions, {axes_.frame.size(0), axes_.row.size(0), axes_.column.size(0)});
  const Axes& axes = device.is_cpu() ? axes_ : axes_on(device);
  const at::Tensor there = to_device(positions, device);
  const at::Tensor t = there.select(1, 0), y = there.select(1, 1), x = there.select(1, 2);
  return at::cat({axes.frame.index_select(0, t), axes.column.index_select(0, x), axes.row.index_select(0, y)},
                 1);
}

}  // namespace dfm::nn
