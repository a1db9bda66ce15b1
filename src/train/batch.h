// From the samples of a pack to the tensors of a training step. Noise level, noise and text dropout are keyed
// by the sample's global position, so that they do not depend on which rank computes it (design section 4).
#pragma once

#include <cstdint>
#include <vector>

#include "config/config.h"
#include "data/loader/step_reader.h"
#include "diffusion/edm.h"
#include "diffusion/objective.h"
#include "model/backbone.h"
#include "nn/pack.h"

namespace dfm::train {

// As diffusion.noise_level: every sample of a pack draws for itself, or all share the draw of the first.
enum class NoiseSharing { per_sample, per_pack };

struct NoiseSettings {
  diffusion::Objective objective = diffusion::edm_objective({});
  NoiseSharing sharing = NoiseSharing::per_sample;
  double text_dropout = 0.2;
  std::uint64_t seed = 1234;
};

NoiseSettings noise_settings(const Config& config);

// Of a whole pack, or of this rank's share of it. Made on the CPU, but for the noise.
struct PackTensors {
  nn::PackLayout layout;
  at::Tensor latent;     // [S, f] float32, unit variance
  at::Tensor noise;      // [S, f] float32
  at::Tensor sigma;      // [n] float32
  at::Tensor text;       // [T, width] float32, zero where dropped
  at::Tensor positions;  // [tokens of the whole pack, 3] int64
};

// noise_device: where most of the numbers are drawn.
PackTensors pack_tensors(const std::vector<data::PositionedSample>& pack, const NoiseSettings& settings,
                         const model::PatchShape& shape, const at::Device& noise_device = at::kCPU);

// A pack without samples, for a rank that has no pack where others need it to take part.
PackTensors no_pack(const model::PatchShape& shape, std::int64_t text_width);

// What this rank computes of a whole pack.
PackTensors share_of(PackTensors whole, const nn::SequenceCut& cut);

// The same tensors there, all but the positions, without waiting for them.
PackTensors on_device(PackTensors pack, const at::Device& device);

// The same samples without dropout, at given noise levels and with the noise of validation: sample i at
// sigmas[i].
PackTensors validation_tensors(const std::vector<data::PositionedSample>& pack,
                               const std::vector<double>& sigmas, const model::PatchShape& shape,
                               std::uint64_t seed);

}  // namespace dfm::train
