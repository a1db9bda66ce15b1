#include "train/activation_probe.h"

#include <algorithm>
#include <array>

#include "model/backbone.h"
#include "model/patchify.h"
#include "nn/memory_count.h"
#include "train/trainer.h"

namespace dfm::train {
namespace {

constexpr std::int64_t kTokens = 32;  // of the smaller of two packs
constexpr std::int64_t kRows = 8;

model::BackboneSpec spec_of_blocks(const Config& config, int blocks) {
  Config small = config;
  small.apply(
      {{"model.num_layers", std::to_string(blocks), "plan"}, {"model.recompute_num_layers", "null", "plan"}});
  if (config.text("model.recompute_granularity") == "full") {
    small.apply({{"model.recompute_granularity", "none", "plan"}});
  }
  return model::backbone_spec(small);
}

struct Measured {
  double kept = 0, transient = 0;
};

// One picture of so many tokens, as a step makes its loss.
Measured measure(const model::BackboneSpec& spec, const TrainerSettings& training, std::int64_t tokens,
                 std::int64_t text_rows) {
  nn::ParameterList parameters;
  const model::Backbone network = spec.build(parameters);
  parameters.materialize(training.dtype);
  const at::Tensor text = at::zeros({text_rows, spec.text_width}, at::kFloat);
  const at::Tensor positions = model::token_positions({1, kRows, tokens / kRows});
  const nn::PackLayout layout({tokens}, {text_rows});
  const diffusion::Network bound = [&](const at::Tensor& noisy, const at::Tensor& level) {
    return network.forward({noisy, positions, level, text}, layout);
  };
  const nn::MemoryCount count;
  const at::Tensor latent = at::zeros({tokens, spec.patches.features()}), noise = latent.clone();
  const at::Tensor loss =
      training.noise.objective.token_losses(bound, {latent, noise, at::ones({1})}, layout).sum();
  const auto kept = static_cast<double>(count.current());
  loss.backward();
  std::int64_t gradients = 0;
  for (const nn::Parameter& each : parameters.all()) {
    if (each.value.grad().defined()) gradients += static_cast<std::int64_t>(each.value.grad().nbytes());
  }
  return {kept, std::max(static_cast<double>(count.peak()) - kept - static_cast<double>(gradients), 0.0)};
}

// Through the values at 1 and 2 blocks (first index) and kTokens and 2 kTokens (second).
ActivationBytes through(const std::array<std::array<double, 2>, 2>& at) {
  const auto tokens = static_cast<double>(kTokens);
  ActivationBytes bytes;
  const double slope1 = (at[0][1] - at[0][0]) / tokens, slope2 = (at[1][1] - at[1][0]) / tokens;
  const double base1 = at[0][0] - slope1 * tokens, base2 = at[1][0] - slope2 * tokens;
  bytes.per_block_and_token = slope2 - slope1;
  bytes.per_token = slope1 - bytes.per_block_and_token;
  bytes.per_block = base2 - base1;
  bytes.fixed = base1 - bytes.per_block;
  return bytes;
}

}  // namespace

ProbedActivations probe_activations(const Config& config, std::int64_t text_rows) {
  const TrainerSettings training = trainer_settings(config);
  std::array<std::array<double, 2>, 2> kept{}, transient{};
  for (int blocks : {1, 2}) {
    const model::BackboneSpec spec = spec_of_blocks(config, blocks);
    for (int size : {1, 2}) {
      const Measured found = measure(spec, training, size * kTokens, text_rows);
      kept.at(blocks - 1).at(size - 1) = found.kept;
      transient.at(blocks - 1).at(size - 1) = found.transient;
    }
  }
  // Whatever the depth, one block computes at a time.
  transient[1] = transient[0];
  return {through(kept), through(transient)};
}

}  // namespace dfm::train
