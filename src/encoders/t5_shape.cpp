#include "encoders/t5_shape.h"

#include <cmath>

#include <fmt/core.h>

#include "core/error.h"
#include "core/text.h"

namespace dfm::encoders {
namespace {

[[noreturn]] void refuse(const PretrainedConfig& config, const std::string& what, const std::string& hint) {
  throw data_error(fmt::format("{}: {}", (config.folder() / "config.json").native(), what), hint);
}

std::string kind_of(const PretrainedConfig& config) {
  std::string kind = config.text("model_type");
  if (kind == "t5" || kind == "umt5") return kind;
  refuse(config, fmt::format("model_type is '{}'", printable(kind)), "use a network of type t5 or umt5");
}

T5Activation activation_of(const PretrainedConfig& config, bool umt5) {
  const std::string name = config.text("feed_forward_proj", umt5 ? "gated-gelu" : "relu");
  if (name == "relu") return T5Activation::relu;
  if (name == "gated-gelu") return T5Activation::gated_gelu;
  refuse(config, fmt::format("feed_forward_proj is '{}'", printable(name)), "dfm knows relu and gated-gelu");
}

// Half of the buckets are for a direction; of those the first half holds one distance each, the rest grow.
void require_growing_buckets(const PretrainedConfig& config, const T5Shape& shape) {
  if (shape.buckets >= 4 && shape.far > shape.buckets / 4) return;
  refuse(config,
         fmt::format("relative_attention_num_buckets is {} and relative_attention_max_distance {}",
                     shape.buckets, shape.far),
         "at least 4 buckets, and a distance above a quarter of their number, are needed");
}

double epsilon_of(const PretrainedConfig& config) {
  const double epsilon = config.real("layer_norm_epsilon", 1e-6);
  if (!(epsilon >= 0 && epsilon <= 1))
    refuse(config, fmt::format("layer_norm_epsilon is {}", epsilon), "expected 0 to 1");
  return epsilon;
}

}  // namespace

T5Shape t5_shape(const PretrainedConfig& config) {
  const std::string kind = kind_of(config);
  const bool umt5 = kind == "umt5";
  T5Shape shape{.kind = kind,
                .vocabulary = config.integer("vocab_size"),
                .width = config.integer("d_model"),
                .head_width = config.integer("d_kv"),
                .hidden_width = config.integer("d_ff"),
                .blocks = config.integer("num_layers"),
                .heads = config.integer("num_heads"),
                .buckets = config.integer("relative_attention_num_buckets", 32),
                .far = config.integer("relative_attention_max_distance", 128),
                .epsilon = epsilon_of(config),
                .activation = activation_of(config, umt5),
                .one_bias_for_all_blocks = !umt5};
  require_growing_buckets(config, shape);
  return shape;
}

}  // namespace dfm::encoders
