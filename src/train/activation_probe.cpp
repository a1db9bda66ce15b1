#include "train/activation_probe.h"

#include <algorithm>

#include "model/backbone.h"
#include "model/patchify.h"
#include "nn/memory_count.h"
#include "train/trainer.h"

namespace dfm::train {
namespace {

constexpr int kTokens = 32;  // of a short sample
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

// Samples that are all alike.
struct ProbedPack {
  std::int64_t samples = 1, tokens = 0, text_rows = 0;  // tokens, text_rows: of a sample
};

// As a step makes its loss.
Measured measure(const model::BackboneSpec& spec, const TrainerSettings& training, const ProbedPack& pack) {
  nn::ParameterList parameters;
  const model::Backbone network = spec.build(parameters);
  parameters.materialize(training.dtype);
  const auto samples = static_cast<std::size_t>(pack.samples);
  const std::int64_t tokens = pack.samples * pack.tokens;
  const at::Tensor text = at::zeros({pack.samples * pack.text_rows, spec.text_width}, at::kFloat);
  const at::Tensor positions =
      model::token_positions({1, kRows, pack.tokens / kRows}).repeat({pack.samples, 1});
  const nn::PackLayout layout(std::vector(samples, pack.tokens), std::vector(samples, pack.text_rows));
  const diffusion::Network bound = [&](const at::Tensor& noisy, const at::Tensor& level) {
    return network.forward({noisy, positions, level, text}, layout);
  };
  const nn::MemoryCount count;
  const at::Tensor latent = at::zeros({tokens, spec.patches.features()}), noise = latent.clone();
  const at::Tensor loss =
      training.noise.objective.token_losses(bound, {latent, noise, at::ones({pack.samples})}, layout).sum();
  const auto kept = static_cast<double>(count.current());
  loss.backward();
  std::int64_t gradients = 0;
  for (const nn::Parameter& each : parameters.all()) {
    if (each.value.grad().defined()) gradients += static_cast<std::int64_t>(each.value.grad().nbytes());
  }
  return {kept, std::max(static_cast<double>(count.peak()) - kept - static_cast<double>(gradients), 0.0)};
}

struct Linear {
  BytesOfPack kept, transient;
};

// Through three packs: of a short sample, of one twice as long, and of two short ones.
Linear measure_linear(const Config& config, int blocks, std::int64_t text_rows) {
  const TrainerSettings training = trainer_settings(config);
  const model::BackboneSpec spec = spec_of_blocks(config, blocks);
  const Measured small = measure(spec, training, {1, kTokens, text_rows}),
                 longer = measure(spec, training, {1, 2 * kTokens, text_rows}),
                 two = measure(spec, training, {2, kTokens, text_rows});
  const auto through = [](double of_small, double of_longer, double of_two) {
    const double per_token = (of_longer - of_small) / kTokens, per_sample = of_two - of_longer;
    return BytesOfPack{of_small - per_token * kTokens - per_sample, per_token, per_sample};
  };
  return {through(small.kept, longer.kept, two.kept),
          through(small.transient, longer.transient, two.transient)};
}

BytesOfPack difference(const BytesOfPack& a, const BytesOfPack& b) {
  return {a.fixed - b.fixed, a.per_token - b.per_token, a.per_sample - b.per_sample};
}

}  // namespace

ProbedActivations probe_activations(const Config& config, std::int64_t text_rows) {
  const Linear one = measure_linear(config, 1, text_rows), two = measure_linear(config, 2, text_rows);
  const BytesOfPack block = difference(two.kept, one.kept);
  // Whatever the depth, one block computes at a time.
  return {{difference(one.kept, block), block}, {one.transient, {}}};
}

}  // namespace dfm::train
