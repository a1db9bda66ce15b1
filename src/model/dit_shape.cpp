#include "model/dit_shape.h"

namespace dfm::model {

DitShape dit_shape(const Config& config) {
  DitShape shape{transformer_shape(config)};
  shape.adaln_rank = config.integer("model.adaln_rank");
  shape.max_img_h = config.integer("model.max_img_h");
  shape.max_img_w = config.integer("model.max_img_w");
  shape.max_frames = config.integer("model.max_frames");
  require_divisible(shape.hidden_size, "model.hidden_size", 16,
                    "the position table has three parts of h/4, 3h/8, 3h/8");
  require_divisible(shape.hidden_size, "model.hidden_size", shape.num_attention_heads,
                    "model.num_attention_heads");
  return shape;
}

}  // namespace dfm::model
