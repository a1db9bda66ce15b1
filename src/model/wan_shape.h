// The sizes that define a WAN 2.1 (spec/dfm.md section 3.1).
#pragma once

#include "model/transformer_shape.h"

namespace dfm::model {

// crossattn_emb_size is the width of the text once embedded.
struct WanShape : TransformerShape {
  std::int64_t text_dim = 4096;  // of the text as it comes
  std::int64_t text_len = 0;     // rows that each text is padded to with zeros; 0: left as it is
  std::int64_t freq_dim = 256;
};

// From the keys of [model]. Throws a usage error for sizes that do not fit together.
WanShape wan_shape(const Config& config);

}  // namespace dfm::model
