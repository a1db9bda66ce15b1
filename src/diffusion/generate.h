// Samples from a network: several requests denoised together as one pack, with classifier-free guidance.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/array.h"
#include "diffusion/flow_sampler.h"
#include "diffusion/sampler.h"
#include "model/backbone.h"

namespace dfm::diffusion {

struct Request {
  Array text;               // [rows, width]
  Shape latent;             // [C, T, H, W]
  std::uint64_t noise_key;  // with the seed: the noise it starts from
  Array negative = {};      // what guidance leads away from; empty: zeros in the shape of the text
};

struct GenerateSettings {
  SamplerSettings sampler;
  std::optional<FlowSamplerSettings> flow;  // of a network that gives velocities; `sampler` is then unused
  // D = D_cond + g (D_cond - D_uncond), the users' convention (spec/dfm.md section 2.3); 0 is purely
  // conditional and halves the cost. Velocities are guided alike.
  double guidance = 0;
  double sigma_data = 0.5;
  std::uint64_t seed = 1;
};

// Latents of unit variance, float32, one a request. Empty when after_step asked to stop. The result depends
// on the requests of the call, not on threads or ranks.
std::vector<Array> generate(const model::Backbone& network, const std::vector<Request>& requests,
                            const GenerateSettings& settings, const StepCallback& after_step);

}  // namespace dfm::diffusion
