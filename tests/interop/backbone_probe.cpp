// backbone_probe IN OUT: runs a network of any family on what a safetensors file holds, for comparison with
// the same in Python.
//
// IN: metadata `model` (a JSON object of model.* keys); tensors param.NAME, input [S, f], level [n], text [T,
// c], positions [S, 3], tokens [n], rows [n] (lengths), direction [S, f]. OUT: output [S, f], and grad.NAME:
// the gradient of sum(output * direction) by every parameter.
#include <nlohmann/json.hpp>

#include "ckpt/safetensors.h"
#include "config/keys.h"
#include "core/json.h"
#include "model/backbone.h"
#include "nn/array_bridge.h"

namespace {

using namespace dfm;

Config config_of(const ckpt::SafetensorsFile& file) {
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

std::vector<std::int64_t> lengths(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<std::int64_t>(), tensor.const_data_ptr<std::int64_t>() + tensor.numel()};
}

void write(const std::string& path, const std::vector<std::pair<std::string, at::Tensor>>& tensors) {
  std::vector<ckpt::TensorEntry> entries;
  for (const auto& [name, tensor] : tensors) {
    entries.push_back({name, nn::dtype_of(tensor.scalar_type()), tensor.sizes().vec()});
  }
  ckpt::SafetensorsWriter writer(path, entries, {});
  for (const auto& [name, tensor] : tensors) writer.append(nn::to_array(tensor).bytes);
  writer.commit();
}

}  // namespace

int main(int, char** argv) {
  const ckpt::SafetensorsFile file(argv[1]);
  const auto tensor = [&](const std::string& name) { return nn::to_tensor(file.read(name)); };
  nn::ParameterList parameters;
  const model::Backbone network = model::backbone_spec(config_of(file)).build(parameters);
  parameters.materialize(at::kFloat);
  for (const auto& parameter : parameters.all()) {
    parameter.value.detach().copy_(tensor("param." + parameter.name));
  }
  const nn::PackLayout layout(lengths(tensor("tokens")), lengths(tensor("rows")));
  const at::Tensor output =
      network.forward({tensor("input"), tensor("positions"), tensor("level"), tensor("text")}, layout);
  (output * tensor("direction")).sum().backward();
  std::vector<std::pair<std::string, at::Tensor>> results{{"output", output.detach()}};
  for (const auto& parameter : parameters.all()) {
    if (parameter.value.grad().defined())
      results.emplace_back("grad." + parameter.name, parameter.value.grad());
  }
  write(argv[2], results);
  return 0;
}
