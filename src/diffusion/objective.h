// What a network is trained to do, as the trainer sees it: which noise level a sample gets, and what the loss
// is. EDM (diffusion/edm.h) and flow matching (diffusion/flow.h) fill this table.
#pragma once

#include <functional>
#include <vector>

#include "config/config.h"
#include "core/philox.h"
#include "nn/pack.h"

namespace dfm::diffusion {

// F(tokens [S, f], level [n]) -> [S, f]: the bare network with its conditioning bound.
using Network = std::function<at::Tensor(const at::Tensor& tokens, const at::Tensor& level)>;

// What is drawn for the noise level of one sample: three independent numbers.
struct LevelDraws {
  float normal;
  double uniform, choice;
};

LevelDraws level_draws(const Philox& random);

// Latents and noise [S, f], float32; a noise level for each sample [n].
struct NoisyTokens {
  const at::Tensor& latent;
  const at::Tensor& noise;
  const at::Tensor& level;
};

struct Objective {
  // -> [n] float32.
  std::function<at::Tensor(const std::vector<LevelDraws>&)> levels;
  // Weighted squared error, mean over the features of a token -> [S] float32.
  std::function<at::Tensor(const Network&, const NoisyTokens&, const nn::PackLayout&)> token_losses;
  // Fixed levels to judge a network at.
  std::function<std::vector<double>(std::size_t count)> spread_levels;
};

enum class ObjectiveKind { edm, flow };

// As diffusion.objective says; "auto" is what the family of the model was published with.
ObjectiveKind objective_kind(const Config& config);

Objective objective(const Config& config);

}  // namespace dfm::diffusion
