// Between a latent and its tokens (spec/dfm.md section 4.4): tokens run over frames, then rows, then columns;
// inside a token the channel is fastest, then time, then column, and row slowest.
#pragma once

#include <cstdint>

#include "core/array.h"
#include "model/backbone.h"
#include "nn/torch_header.h"

namespace dfm::model {

// Extents of a latent in patches.
struct PatchGrid {
  std::int64_t frames, rows, columns;
  std::int64_t tokens() const { return frames * rows * columns; }
};

// latent_shape [C, T, H, W]. Throws a data error when channels differ from the model's or a patch does not
// divide.
PatchGrid patch_grid(const Shape& latent_shape, const PatchShape& shape);

// [C, T, H, W] -> [tokens, patch features].
at::Tensor patchify(const at::Tensor& latent, const PatchShape& shape);
// The inverse.
at::Tensor unpatchify(const at::Tensor& tokens, const PatchGrid& grid, const PatchShape& shape);

// [tokens, 3] int64: frame, row, column of each token.
at::Tensor token_positions(const PatchGrid& grid);

}  // namespace dfm::model
