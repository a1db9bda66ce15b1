// The network of a recipe, declared and not allocated, and its cost, counted from its parameters.
#pragma once

#include <gtest/gtest.h>

#include "config/keys.h"
#include "config/layers.h"
#include "model/backbone.h"

namespace dfm::model {

inline Config config_of_recipe(const std::string& name, const Layer& overrides = {}) {
  Config config(all_keys());
  for (const Layer& layer : read_recipe(name)) config.apply(layer);
  config.apply(overrides);
  return config;
}

inline nn::ParameterList declared(const BackboneSpec& spec) {
  nn::ParameterList parameters;
  spec.build(parameters);
  EXPECT_FALSE(parameters.buffer().defined());
  return parameters;
}

inline std::int64_t parameters_of_recipe(const std::string& name) {
  return declared(backbone_spec(config_of_recipe(name))).total_count();
}

// Twice every weight of a projection for each row that it multiplies, attention aside: all but modulation and
// embedders of time and rate, which work on samples.
inline double product_flops(const nn::ParameterList& parameters, std::int64_t tokens, std::int64_t rows) {
  double flops = 0;
  for (const nn::Parameter& each : parameters.all()) {
    const bool multiplies_rows = each.name.find(".linear_") != std::string::npos ||
                                 each.name == "x_embedder.weight" || each.name == "final_layer_linear.weight";
    if (!multiplies_rows || each.name.find("_embedder.1") != std::string::npos) continue;
    const bool is_of_text = each.name.ends_with("linear_kv.weight");
    flops += 2.0 * static_cast<double>(each.count()) * static_cast<double>(is_of_text ? rows : tokens);
  }
  return flops;
}

}  // namespace dfm::model
