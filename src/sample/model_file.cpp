#include "sample/model_file.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "ckpt/export/metadata.h"
#include "ckpt/safetensors.h"
#include "config/keys.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/stop_token.h"
#include "nn/array_bridge.h"

namespace dfm::sample {
namespace {

Config config_of(const ckpt::SafetensorsFile& file, const std::filesystem::path& path) {
  const auto text = file.metadata().find(ckpt::kConfigMetadata);
  if (text == file.metadata().end()) {
    throw data_error(fmt::format("{} carries no configuration", path.native()),
                     "sample from a file that dfm_consolidate wrote");
  }
  Layer layer;
  const Json json = parse_json(text->second, path.native());
  for (const auto& [key, value] : json.items()) {
    if (!describes_weights(key)) continue;
    if (!value.is_string()) {
      throw data_error(
          fmt::format("{}: its configuration gives {} a value that is no text", path.native(), key),
          "sample from a file that dfm_consolidate wrote");
    }
    layer.push_back({key, value.get<std::string>(), path.filename().native()});
  }
  Config config(all_keys());
  config.apply(layer);
  return config;
}

void copy_weights(const ckpt::SafetensorsFile& file, const nn::ParameterList& parameters,
                  const std::filesystem::path& path) {
  for (const nn::Parameter& parameter : parameters.all()) {
    StopToken::throw_if_requested();
    const Array array = file.read(parameter.name);
    if (array.shape != parameter.placement.global_shape) {
      throw data_error(fmt::format("{} in {} has the shape {} instead of {}", parameter.name, path.native(),
                                   to_text(array.shape), to_text(parameter.placement.global_shape)));
    }
    parameter.value.detach().copy_(nn::to_tensor(array));
    parameter.value.requires_grad_(false);
  }
}

}  // namespace

SamplingModel load_model(const std::filesystem::path& path, at::ScalarType dtype, const at::Device& device) {
  if (std::filesystem::is_directory(path)) {
    throw usage_error(fmt::format("{} is a folder, sampling takes one file of weights", path.native()),
                      fmt::format("run dfm_consolidate {} weights.safetensors first", path.native()));
  }
  const ckpt::SafetensorsFile file(path);
  const Config config = config_of(file, path);
  SamplingModel model;
  const model::BackboneSpec spec = model::backbone_spec(config);
  model.network = spec.build(model.parameters);
  model.text_width = spec.text_width;
  model.hidden_size = config.integer("model.hidden_size");
  model.parameters.materialize(dtype, nn::Memory::whole, device);
  model.network.device = device;
  copy_weights(file, model.parameters, path);
  model.objective = diffusion::objective_kind(config);
  model.sigma_data = config.real("diffusion.sigma_data");
  model.encoders = encoders::encoder_settings(config);
  model.fingerprint = fmt::format("{} {}", hex(hash_file(path)), dtype == at::kFloat ? "fp32" : "bf16");
  return model;
}

}  // namespace dfm::sample
