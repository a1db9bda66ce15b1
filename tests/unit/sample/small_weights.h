// Weights for sampling as dfm_consolidate writes them, of a network that takes milliseconds.
#pragma once

#include <nlohmann/json.hpp>

#include "ckpt/export/metadata.h"
#include "ckpt/safetensors.h"
#include "config/keys.h"
#include "nn/array_bridge.h"
#include "sample/sampling.h"

namespace dfm::sample {

inline Config config_with(const Layer& layer) {
  Config config(all_keys());
  config.apply(layer);
  return config;
}

inline Config small_config() {
  return config_with({{"model.num_layers", "1", "test"},
                      {"model.hidden_size", "32", "test"},
                      {"model.num_attention_heads", "2", "test"},
                      {"model.adaln_rank", "8", "test"},
                      {"diffusion.sigma_data", "0.6", "test"}});
}

// The parameters of that network, drawn from the seed.
struct SmallNetwork {
  nn::ParameterList parameters;

  explicit SmallNetwork(std::uint64_t seed) {
    model::backbone_spec(small_config()).build(parameters);
    parameters.materialize(at::kFloat);
    parameters.initialize(seed);
  }
};

inline void write_small_weights(const std::filesystem::path& path, std::uint64_t seed = 1) {
  const SmallNetwork network(seed);
  std::vector<ckpt::TensorEntry> entries;
  for (const nn::Parameter& each : network.parameters.all()) {
    entries.push_back({each.name, DType::float32, each.placement.global_shape});
  }
  const std::string config = nlohmann::json(small_config().values_as_text()).dump();
  ckpt::SafetensorsWriter writer(path, entries, {{ckpt::kConfigMetadata, config}});
  for (const nn::Parameter& each : network.parameters.all()) {
    writer.append(nn::to_array(each.value.detach()).bytes);
  }
  writer.commit();
}

// Two steps at 16 x 16 pixels.
inline SamplingSettings small_sampling(std::int64_t batch_size) {
  return sampling_settings(config_with({{"sample.size", "16*16", "test"},
                                        {"sample.num_steps", "2", "test"},
                                        {"sample.batch_size", std::to_string(batch_size), "test"}}));
}

// Items "0", "1", ... with prompts "word 0", "word 1", ...
inline WorkList numbered_list(const std::filesystem::path& folder, std::uint64_t count) {
  WorkList list{folder, {}, 1};
  for (std::uint64_t i = 0; i < count; ++i) {
    list.items.push_back({i, "word " + std::to_string(i), std::to_string(i)});
  }
  return list;
}

}  // namespace dfm::sample
