// The sizes that define a DiT (spec/dfm.md section 1.6 and 1.7).
#pragma once

#include "model/transformer_shape.h"

namespace dfm::model {

struct DitShape : TransformerShape {
  std::int64_t adaln_rank = 256;
  std::int64_t max_img_h = 80;  // latent cells
  std::int64_t max_img_w = 80;
  std::int64_t max_frames = 34;
};

// From the keys of [model]. Throws a usage error with the arithmetic for sizes that do not fit together.
DitShape dit_shape(const Config& config);

}  // namespace dfm::model
