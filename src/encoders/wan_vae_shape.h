// The measures of a WAN 2.1 autoencoder (AutoencoderKLWan), known from its config.json without its weights.
#pragma once

#include "encoders/pretrained.h"

namespace dfm::encoders {

struct WanVaeShape {
  static constexpr std::int64_t kStages = 4;
  static constexpr std::int64_t kSpatialStride = 8;  // pixels a latent cell

  std::int64_t latent_channels = 0;
  // Of the first convolution, then of each stage: the encoder's go from the pixels' resolution to an eighth
  // of it, the decoder's back.
  std::vector<std::int64_t> encoder_channels, decoder_channels;
  std::int64_t residual_blocks = 0;  // a stage of the encoder; one more in the decoder
  std::vector<bool> halves_time;     // of the encoder's three steps between stages
  std::vector<double> latent_mean, latent_std;
};

// Throws a data error that names key and value for another kind of autoencoder, and for measures that make no
// sense.
WanVaeShape wan_vae_shape(const PretrainedConfig& config);

}  // namespace dfm::encoders
