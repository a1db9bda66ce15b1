// config.json of diffusers' WanTransformer3DModel.
#include <cmath>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "ckpt/wan_sizes.h"
#include "config/keys.h"
#include "core/error.h"
#include "core/json.h"

namespace dfm::ckpt {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMost = 1'000'000;  // of anything: products of two are numbers still

std::string shown(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 100);
}

// What a file lacks has the value that the class gives it.
const Json& value_of(const Json& json, const char* key, const Json& otherwise) {
  const auto found = json.find(key);
  return found == json.end() ? otherwise : *found;
}

void require_value(const Json& json, const char* key, const Json& needed) {
  const Json& found = value_of(json, key, needed);
  if (found == needed) return;
  throw data_error(fmt::format("{} is {}, which dfm's WAN does not have", key, shown(found)),
                   fmt::format("text-to-video networks of WAN 2.1 have {}", shown(needed)));
}

std::int64_t integer_of(const Json& json, const char* key, const Json& otherwise = nullptr) {
  const Json& found = value_of(json, key, otherwise);
  const bool is_in_range = found.is_number_integer() && found >= 1 && found <= kMost;
  if (is_in_range) return found.get<std::int64_t>();
  throw data_error(fmt::format("{} is {}, expected 1 to {}", key, shown(found), kMost));
}

std::string real_of(const Json& json, const char* key, const Json& otherwise) {
  const Json& found = value_of(json, key, otherwise);
  const bool is_in_range = found.is_number() && found > 0 && found < 1;
  if (is_in_range) return fmt::format("{}", found.get<double>());
  throw data_error(fmt::format("{} is {}, expected a number between 0 and 1", key, shown(found)));
}

void require_text_to_video(const Json& json) {
  if (!json.is_object() || !json.contains("_class_name"))
    throw data_error("it does not say of which class the network is (_class_name)",
                     "give the folder of a WanTransformer3DModel");
  require_value(json, "_class_name", "WanTransformer3DModel");
  require_value(json, "patch_size", Json::array({1, 2, 2}));
  require_value(json, "qk_norm", "rms_norm_across_heads");
  require_value(json, "cross_attn_norm", true);
  for (const char* key : {"image_dim", "added_kv_proj_dim", "pos_embed_seq_len"})
    require_value(json, key, nullptr);
  const std::int64_t channels = integer_of(json, "in_channels", 16);
  if (const Json& out = value_of(json, "out_channels", 16); !out.is_null())
    require_value(json, "out_channels", channels);
}

std::map<std::string, std::string> keys_of(const Json& json) {
  const std::int64_t heads = integer_of(json, "num_attention_heads");
  const std::int64_t hidden = heads * integer_of(json, "attention_head_dim");
  return {{"model.family", "wan"},
          {"model.num_layers", std::to_string(integer_of(json, "num_layers"))},
          {"model.num_attention_heads", std::to_string(heads)},
          {"model.hidden_size", std::to_string(hidden)},
          {"model.crossattn_emb_size", std::to_string(hidden)},
          {"model.ffn_hidden_size", std::to_string(integer_of(json, "ffn_dim"))},
          {"model.text_dim", std::to_string(integer_of(json, "text_dim"))},
          {"model.freq_dim", std::to_string(integer_of(json, "freq_dim", 256))},
          {"model.in_channels", std::to_string(integer_of(json, "in_channels", 16))},
          {"model.patch_spatial", "2"},
          {"model.patch_temporal", "1"},
          {"model.layernorm_epsilon", real_of(json, "eps", 1e-6)}};
}

// Values as a run records them, within the limits of the keys.
std::map<std::string, std::string> as_recorded(const std::map<std::string, std::string>& keys) {
  Layer layer;
  for (const auto& [key, text] : keys) layer.push_back({key, text, "config.json"});
  Config config(all_keys());
  config.apply(layer);
  auto texts = config.values_as_text();
  std::erase_if(texts, [&](const auto& each) { return !keys.contains(each.first); });
  return texts;
}

}  // namespace

WanConfig read_wan_config(const fs::path& path) {
  const Json json = read_json(path);
  try {
    require_text_to_video(json);
    auto keys = as_recorded(keys_of(json));
    return {wan_sizes(keys), std::move(keys)};
  } catch (const Error& error) {
    throw data_error(fmt::format("{}: {}", path.native(), error.what()), error.hint());
  }
}

std::string wan_config_json(const WanSizes& sizes) {
  const Json json = {{"_class_name", "WanTransformer3DModel"},
                     {"added_kv_proj_dim", nullptr},
                     {"attention_head_dim", sizes.head_width()},
                     {"cross_attn_norm", true},
                     {"eps", sizes.epsilon},
                     {"ffn_dim", sizes.ffn},
                     {"freq_dim", sizes.freq_dim},
                     {"image_dim", nullptr},
                     {"in_channels", sizes.channels},
                     {"num_attention_heads", sizes.heads},
                     {"num_layers", sizes.layers},
                     {"out_channels", sizes.channels},
                     {"patch_size", {1, 2, 2}},
                     {"pos_embed_seq_len", nullptr},
                     {"qk_norm", "rms_norm_across_heads"},
                     {"rope_max_seq_len", 1024},
                     {"text_dim", sizes.text_dim}};
  return json.dump(2) + "\n";
}

}  // namespace dfm::ckpt
