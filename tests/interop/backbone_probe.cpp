// backbone_probe IN OUT: runs a network of any family on what a safetensors file holds, for comparison with
// the same in Python.
//
// IN: metadata `model` (a JSON object of model.* keys); tensors param.NAME, input [S, f], level [n], text [T,
// c], positions [S, 3], tokens [n], rows [n] (lengths), direction [S, f]. OUT: output [S, f], and grad.NAME:
// the gradient of sum(output * direction) by every parameter.
#include "interop/probe.h"
#include "model/backbone.h"

int main(int, char** argv) {
  using namespace dfm;
  const ckpt::SafetensorsFile file(argv[1]);
  const auto tensor = [&](const std::string& name) { return probe::tensor(file, name); };
  nn::ParameterList parameters;
  const model::Backbone network = model::backbone_spec(probe::config_of(file)).build(parameters);
  parameters.materialize(at::kFloat);
  probe::fill(parameters, file);
  const at::Tensor output = network.forward(
      {tensor("input"), tensor("positions"), tensor("level"), tensor("text")}, probe::layout_of(file));
  (output * tensor("direction")).sum().backward();
  probe::Results results{{"output", output.detach()}};
  probe::add_gradients(results, parameters);
  probe::write(argv[2], results);
  return 0;
}
