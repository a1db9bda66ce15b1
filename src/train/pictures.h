// Pictures of a few prompts at each validation, drawn with the weights as they are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "comm/rank_grid.h"
#include "config/config.h"
#include "core/array.h"
#include "diffusion/flow_sampler.h"
#include "encoders/codec.h"
#include "model/backbone.h"

namespace dfm::train {

struct PictureSettings {
  std::vector<Array> prompts;     // as encoded: [rows, width] each
  std::int64_t image_size = 256;  // pixels
  std::int64_t steps = 12;
  double guidance = 1;
  double sigma_data = 0.5;
  std::optional<diffusion::FlowSamplerSettings> flow = {};  // where the network learns velocities
  encoders::Codec codec;
};

// Throws a usage error where prompts are given that the network cannot draw, or not in that size: otherwise
// the first validation would end a run that has trained for hours. latent_edge: as below.
void require_fitting_prompts(const Config& config, const model::BackboneSpec& model,
                             std::int64_t latent_edge);

// Collective: rank 0 encodes the prompts, on its processors, since GPUs are full of the network that is
// trained. latent_edge: cells of the validation samples, used where validation.image_size is null. device:
// decodes.
PictureSettings picture_settings(const Config& config, std::int64_t latent_edge, const comm::Group& world,
                                 const at::Device& device);

// Collective: the data-parallel ranks divide the prompts. One PNG a prompt, in prompt order, on every rank.
// The same pictures at every validation but for the weights, and on any number of ranks. Throws on every
// rank, an error of kind `stopped`, when any rank is asked to stop meanwhile.
std::vector<std::string> draw_pictures(const model::Backbone& network, const PictureSettings& settings,
                                       const comm::GridGroups& groups);

}  // namespace dfm::train
