// What the probes share: a network's configuration and tensors from a safetensors file, and results to
// another.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "ckpt/safetensors.h"
#include "config/keys.h"
#include "core/json.h"
#include "nn/array_bridge.h"
#include "nn/pack.h"
#include "nn/parameter.h"

namespace dfm::probe {

using Results = std::vector<std::pair<std::string, at::Tensor>>;

inline at::Tensor tensor(const ckpt::SafetensorsFile& file, const std::string& name) {
  return nn::to_tensor(file.read(name));
}

// From metadata `model`, a JSON object of model.* keys.
inline Config config_of(const ckpt::SafetensorsFile& file) {
  Config config(all_keys());
  Layer layer;
  const Json keys = parse_json(file.metadata().at("model"), "model");
  for (const auto& [key, value] : keys.items()) {
    layer.push_back(
        {"model." + key, value.is_string() ? value.get<std::string>() : value.dump(), "the test"});
  }
  config.apply(layer);
  return config;
}

// From tensors param.NAME.
inline void fill(const nn::ParameterList& parameters, const ckpt::SafetensorsFile& file) {
  for (const auto& parameter : parameters.all()) {
    parameter.value.detach().copy_(tensor(file, "param." + parameter.name));
  }
}

// From tensors `tokens` and `rows`: the lengths of each sample and its text.
inline nn::PackLayout layout_of(const ckpt::SafetensorsFile& file) {
  const auto lengths = [&](const char* name) {
    const at::Tensor values = tensor(file, name);
    const auto* const first = values.const_data_ptr<std::int64_t>();
    return std::vector<std::int64_t>(first, first + values.numel());
  };
  return {lengths("tokens"), lengths("rows")};
}

// grad.NAME of every parameter that has a gradient.
inline void add_gradients(Results& results, const nn::ParameterList& parameters) {
  for (const auto& parameter : parameters.all()) {
    if (parameter.value.grad().defined())
      results.emplace_back("grad." + parameter.name, parameter.value.grad());
  }
}

inline void write(const std::string& path, const Results& results) {
  std::vector<ckpt::TensorEntry> entries;
  for (const auto& [name, tensor] : results) {
    entries.push_back({name, nn::dtype_of(tensor.scalar_type()), tensor.sizes().vec()});
  }
  ckpt::SafetensorsWriter writer(path, entries, {});
  for (const auto& [name, tensor] : results) writer.append(nn::to_array(tensor).bytes);
  writer.commit();
}

}  // namespace dfm::probe
