// The shape of made-up latents: as dataset.F_latents, H_latents and W_latents say, or of as many tokens as
// dataset.seq_length.
#pragma once

#include "config/config.h"
#include "core/array.h"
#include "model/backbone.h"

namespace dfm::train {

// [C, T, H, W]. Of a number of tokens: as few frames, and as square a picture, as the model's positions
// (model.max_frames, max_img_h, max_img_w) hold. Throws a usage error where they do not hold them, or where
// both sizes are asked for.
Shape mock_latent_shape(const Config& config, const model::PatchShape& patches);

// Throws a usage error where dataset.seq_length is given for data that have sizes of their own.
void refuse_mock_tokens(const Config& config);

}  // namespace dfm::train
