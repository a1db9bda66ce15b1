// The codec wan:DIR, the autoencoder of WAN 2.1 with weights from a local folder. What is on the device does
// not grow with the length of a video; pictures stay bytes on the host.
#pragma once

#include <filesystem>

#include "encoders/codec.h"

namespace dfm::encoders {

// DIR: the folder of the autoencoder, or of a pipeline with the autoencoder in vae/. Latents are the means of
// their distribution, normalised with latents_mean and latents_std, whatever the type computed in. Types that
// a CPU does not multiply are replaced by float32 there.
Codec wan_codec(const std::filesystem::path& dir, const Placed& placed);

// The same without reading the weights.
CodecShape wan_codec_shape(const std::filesystem::path& dir);

}  // namespace dfm::encoders
