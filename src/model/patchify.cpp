#include "model/patchify.h"

#include <algorithm>

#include <fmt/core.h>

#include "core/error.h"

namespace dfm::model {

PatchGrid patch_grid(const Shape& latent_shape, const PatchShape& shape) {
  const std::int64_t ps = shape.spatial, pt = shape.temporal;
  const bool fits = latent_shape.size() == 4 && std::ranges::min(latent_shape) > 0 &&
                    latent_shape[0] == shape.in_channels && latent_shape[1] % pt == 0 &&
                    latent_shape[2] % ps == 0 && latent_shape[3] % ps == 0;
  if (!fits) {
    throw data_error(
        fmt::format("a latent of shape {} does not divide into patches of {} channels x {} x {} x {}",
                    to_text(latent_shape), shape.in_channels, pt, ps, ps),
        "prepare the data for this model, or set model.in_channels, patch_temporal, patch_spatial");
  }
  return {latent_shape[1] / pt, latent_shape[2] / ps, latent_shape[3] / ps};
}

at::Tensor patchify(const at::Tensor& latent, const PatchShape& shape) {
  const PatchGrid grid = patch_grid(latent.sizes().vec(), shape);
  const std::int64_t ps = shape.spatial, pt = shape.temporal;
  return latent.view({shape.in_channels, grid.frames, pt, grid.rows, ps, grid.columns, ps})
      .permute({1, 3, 5, 4, 6, 2, 0})
      .reshape({grid.tokens(), shape.features()});
}

at::Tensor unpatchify(const at::Tensor& tokens, const PatchGrid& grid, const PatchShape& shape) {
  const std::int64_t ps = shape.spatial, pt = shape.temporal;
  return tokens.view({grid.frames, grid.rows, grid.columns, ps, ps, pt, shape.in_channels})
      .permute({6, 0, 5, 1, 3, 2, 4})
      .reshape({shape.in_channels, grid.frames * pt, grid.rows * ps, grid.columns * ps});
}

at::Tensor token_positions(const PatchGrid& grid) {
  const auto axes =
      at::meshgrid({at::arange(grid.frames), at::arange(grid.rows), at::arange(grid.columns)}, "ij");
  return at::stack({axes[0].flatten(), axes[1].flatten(), axes[2].flatten()}, 1);
}

}  // namespace dfm::model
