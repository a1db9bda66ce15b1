#include "model/moviegen_shape.h"

namespace dfm::model {
namespace {

nn::RoutingGroup routing_group(const std::string& name) {
  if (name == "rank") return nn::RoutingGroup::rank;
  return name == "pack" ? nn::RoutingGroup::pack : nn::RoutingGroup::sample;
}

std::optional<ExpertShape> expert_shape(const Config& config) {
  const auto count = config.optional_integer("model.num_moe_experts");
  if (!count) return {};
  return ExpertShape{*count,
                     {routing_group(config.text("model.moe_routing_group")),
                      config.real("model.moe_expert_capacity_factor")}};
}

}  // namespace

MovieGenShape moviegen_shape(const Config& config) {
  MovieGenShape shape{transformer_shape(config)};
  shape.num_query_groups =
      config.optional_integer("model.num_query_groups").value_or(shape.num_attention_heads);
  shape.max_img_h = config.integer("model.max_img_h");
  shape.max_img_w = config.integer("model.max_img_w");
  shape.max_frames = config.integer("model.max_frames");
  shape.cross_residual = config.text("model.cross_residual") == "paper";
  shape.experts = expert_shape(config);
  require_divisible(shape.hidden_size, "model.hidden_size", 2, "the time's sinusoids are sines and cosines");
  require_divisible(shape.num_attention_heads, "model.num_attention_heads", shape.num_query_groups,
                    "model.num_query_groups");
  return shape;
}

}  // namespace dfm::model
