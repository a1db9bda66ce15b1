// Fixed embeddings: sinusoids of scalars, and the additive position table of DiT.
#pragma once

#include <array>
#include <optional>

#include "nn/torch_header.h"

namespace dfm::nn {

// [n] -> [n, width] = [sin(x f_i) | cos(x f_i)], f_i = exp(-ln(10000) i / (width/2 - downscale)), computed in
// float32 (spec/dfm.md section 1.3: the time embedder has downscale 0, the frame-rate embedder 1).
at::Tensor sinusoid(const at::Tensor& values, std::int64_t width, std::int64_t downscale);

// Throws a usage error for positions [S, 3] int64 (frame, row, column) outside a table of these extents. On
// the CPU, where looking at them makes nobody wait for a device.
void require_positions_inside(const at::Tensor& positions, const std::array<std::int64_t, 3>& extents);

// Rows of the fixed table of spec/dfm.md section 1.4 without the table: a row is
// [e(t; h/4) | e(column; 3h/8) | e(row; 3h/8)], so three short tables hold all of it.
class PositionTable {
 public:
  // Extents in patches. hidden must be a multiple of 16.
  PositionTable(std::int64_t frames, std::int64_t rows, std::int64_t columns, std::int64_t hidden);

  // positions [S, 3] int64 (frame, row, column), on the CPU -> [S, hidden] float32 on the device. Throws a
  // usage error for a position outside the table (the reference reads a wrong row there).
  at::Tensor rows_for(const at::Tensor& positions, const at::Device& device = at::kCPU) const;

 private:
  struct Axes {
    at::Tensor frame, row, column;
  };

  const Axes& axes_on(const at::Device& device) const;

  Axes axes_;
  mutable std::optional<Axes> elsewhere_;  // copies on the device that asked last
};

}  // namespace dfm::nn
