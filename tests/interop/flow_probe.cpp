// flow_probe IN OUT: the samplers of flow matching on a velocity that Python can repeat, v = sin(x) (1 + t /
// 1000) + x / 4.
//
// IN: metadata `steps`, `shift`, `sampler` (a JSON object's worth of text); tensor noise, float64. OUT: trace
// [steps, ...], sigmas and timesteps.
#include "ckpt/safetensors.h"
#include "diffusion/flow_sampler.h"
#include "nn/array_bridge.h"

int main(int, char** argv) {
  using namespace dfm;
  const ckpt::SafetensorsFile file(argv[1]);
  const auto& words = file.metadata();
  const diffusion::FlowSamplerSettings settings{.steps = std::stoi(words.at("steps")),
                                                .shift = std::stod(words.at("shift")),
                                                .multistep = words.at("sampler") == "unipc"};
  std::vector<at::Tensor> trace;
  diffusion::sample_flow(
      [](const at::Tensor& x, double timestep) { return x.sin() * (1 + timestep / 1000) + x / 4; },
      nn::to_tensor(file.read("noise")), settings,
      [&](std::int64_t, const at::Tensor& x) {
        trace.push_back(x.clone());
        return true;
      });
  const diffusion::FlowGrid grid = diffusion::flow_grid(settings);
  const std::vector<std::pair<std::string, at::Tensor>> results{
      {"trace", at::stack(trace)},
      {"sigmas", at::tensor(grid.sigmas, at::kDouble)},
      {"timesteps", at::tensor(grid.timesteps, at::kDouble)}};
  std::vector<ckpt::TensorEntry> entries;
  for (const auto& [name, tensor] : results) entries.push_back({name, DType::float64, tensor.sizes().vec()});
  ckpt::SafetensorsWriter writer(argv[2], entries, {});
  for (const auto& [name, tensor] : results) writer.append(nn::to_array(tensor).bytes);
  writer.commit();
  return 0;
}
