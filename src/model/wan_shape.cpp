#include "model/wan_shape.h"

#include <fmt/core.h>

#include "core/error.h"

namespace dfm::model {

WanShape wan_shape(const Config& config) {
  WanShape shape{transformer_shape(config)};
  shape.text_dim = config.integer("model.text_dim");
  shape.text_len = config.optional_integer("model.text_len").value_or(0);
  shape.freq_dim = config.integer("model.freq_dim");
  require_divisible(shape.hidden_size, "model.hidden_size", 2 * shape.num_attention_heads,
                    "heads of an even width, whose features are turned in pairs");
  require_divisible(shape.freq_dim, "model.freq_dim", 2, "a cosine and a sine of each frequency");
  if (shape.patches.temporal != 1) {
    throw usage_error(
        fmt::format("model.patch_temporal = {} with model.family = wan", shape.patches.temporal),
        "WAN's patches are one frame deep: leave model.patch_temporal at 1");
  }
  return shape;
}

}  // namespace dfm::model
