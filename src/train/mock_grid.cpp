#include "train/mock_grid.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/core.h>

#include "config/keys.h"
#include "core/error.h"
#include "model/patchify.h"

namespace dfm::train {
namespace {

using model::PatchGrid;

// The grid within the limits whose frames have the most nearly square picture, if there is one.
std::optional<PatchGrid> of_frames(std::int64_t frames, std::int64_t tokens, const PatchGrid& most) {
  if (tokens % frames != 0) return {};
  const std::int64_t picture = tokens / frames;
  for (auto rows = static_cast<std::int64_t>(std::sqrt(static_cast<double>(picture))); rows >= 1; --rows) {
    if (picture % rows == 0 && rows <= most.rows && picture / rows <= most.columns)
      return PatchGrid{frames, rows, picture / rows};
  }
  return {};
}

PatchGrid grid_of(std::int64_t tokens, const PatchGrid& most) {
  for (std::int64_t frames = 1; frames <= std::min(most.frames, tokens); ++frames) {
    if (const auto grid = of_frames(frames, tokens, most)) return *grid;
  }
  throw usage_error(
      fmt::format(
          "dataset.seq_length = {}: no video of so many tokens fits into {} frames of {} x {} patches",
          tokens, most.frames, most.rows, most.columns),
      "raise model.max_frames, model.max_img_h or model.max_img_w, or give another number");
}

// One that is not the default would have no effect.
void require_default_latent(const Config& config, std::int64_t tokens) {
  const Config defaults(all_keys());
  for (const char* const key : {"dataset.F_latents", "dataset.H_latents", "dataset.W_latents"}) {
    if (config.integer(key) == defaults.integer(key)) continue;
    throw usage_error(fmt::format("{} = {} and dataset.seq_length = {} both size made-up samples", key,
                                  config.integer(key), tokens),
                      "give one of them; dataset.seq_length=null takes back that of a recipe");
  }
}

}  // namespace

void refuse_mock_tokens(const Config& config) {
  const auto tokens = config.optional_integer("dataset.seq_length");
  if (!tokens) return;
  throw usage_error(fmt::format("dataset.seq_length = {} without --mock", *tokens),
                    "it sizes made-up samples; the room of a pack is dataset.task_encoder_seq_length");
}

Shape mock_latent_shape(const Config& config, const model::PatchShape& patches) {
  const auto tokens = config.optional_integer("dataset.seq_length");
  if (!tokens) {
    return {patches.in_channels, config.integer("dataset.F_latents"), config.integer("dataset.H_latents"),
            config.integer("dataset.W_latents")};
  }
  require_default_latent(config, *tokens);
  const PatchGrid grid = grid_of(*tokens, {config.integer("model.max_frames") / patches.temporal,
                                           config.integer("model.max_img_h") / patches.spatial,
                                           config.integer("model.max_img_w") / patches.spatial});
  return {patches.in_channels, grid.frames * patches.temporal, grid.rows * patches.spatial,
          grid.columns * patches.spatial};
}

}  // namespace dfm::train
