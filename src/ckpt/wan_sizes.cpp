#include "ckpt/wan_sizes.h"

#include <fmt/core.h>

#include "config/keys.h"
#include "core/error.h"

namespace dfm::ckpt {
namespace {

void require(bool holds, const char* key, const std::string& value, const std::string& remedy) {
  if (holds) return;
  throw usage_error(fmt::format("{} = {} does not go with diffusers' WanTransformer3DModel", key, value),
                    remedy);
}

void require_integer(const Config& config, const char* key, std::int64_t value, const char* meaning) {
  const std::int64_t found = config.integer(key);
  require(found == value, key, std::to_string(found), fmt::format("it has {} {}", value, meaning));
}

}  // namespace

WanSizes wan_sizes(const std::map<std::string, std::string>& recorded) {
  Layer layer;
  for (const auto& [key, text] : recorded) {
    if (key.starts_with("model.")) layer.push_back({key, text, "the weights' configuration"});
  }
  Config config(all_keys());
  config.apply(layer);
  require(config.text("model.family") == "wan", "model.family", config.text("model.family"),
          "weights of model.family = wan can be written so");
  WanSizes sizes{config.integer("model.num_layers"), config.integer("model.num_attention_heads"),
                 config.integer("model.hidden_size")};
  sizes.ffn = config.optional_integer("model.ffn_hidden_size").value_or(4 * sizes.hidden);
  sizes.text_dim = config.integer("model.text_dim");
  sizes.freq_dim = config.integer("model.freq_dim");
  sizes.channels = config.integer("model.in_channels");
  sizes.epsilon = config.real("model.layernorm_epsilon");
  require(sizes.hidden % (2 * sizes.heads) == 0, "model.hidden_size", std::to_string(sizes.hidden),
          fmt::format("it has {} heads of an even width", sizes.heads));
  require(sizes.freq_dim % 2 == 0, "model.freq_dim", std::to_string(sizes.freq_dim),
          "it has a cosine and a sine of each frequency");
  require_integer(config, "model.crossattn_emb_size", sizes.hidden, "features, as many as hidden_size");
  require_integer(config, "model.patch_spatial", 2, "latent cells on a patch's edge");
  require_integer(config, "model.patch_temporal", 1, "latent frame in a patch");
  return sizes;
}

}  // namespace dfm::ckpt
