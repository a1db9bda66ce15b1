#include "train/batch.h"

#include <fmt/core.h>

#include "core/error.h"
#include "core/philox.h"
#include "model/patchify.h"
#include "nn/array_bridge.h"
#include "nn/host_copy.h"
#include "nn/random.h"

namespace dfm::train {
namespace {

using data::PositionedSample;

std::uint64_t key_of(const PositionedSample& sample) { return static_cast<std::uint64_t>(sample.position); }

// Where noise comes from.
struct NoiseSource {
  Stream stream;
  std::uint64_t seed;
  at::Device device = at::kCPU;
};

at::Tensor noise_tokens(const PositionedSample& sample, const NoiseSource& source,
                        const model::PatchShape& shape) {
  const at::Tensor noise =
      at::empty(sample.sample.latent.shape, at::TensorOptions(source.device).dtype(at::kFloat));
  nn::fill_with_normals(noise, {source.seed, source.stream, key_of(sample)});
  return model::patchify(noise, shape);
}

nn::PackLayout layout_of(const std::vector<PositionedSample>& pack, const model::PatchShape& shape) {
  std::vector<std::int64_t> tokens, rows;
  for (const PositionedSample& each : pack) {
    tokens.push_back(model::patch_grid(each.sample.latent.shape, shape).tokens());
    rows.push_back(each.sample.text.shape[0]);
  }
  return {std::move(tokens), std::move(rows)};
}

// All but sigma.
PackTensors bare_tensors(const std::vector<PositionedSample>& pack, const NoiseSource& source,
                         const model::PatchShape& shape) {
  std::vector<at::Tensor> latents, noises, texts, positions;
  for (const PositionedSample& each : pack) {
    latents.push_back(model::patchify(nn::to_tensor(each.sample.latent).to(at::kFloat), shape));
    noises.push_back(noise_tokens(each, source, shape));
    texts.push_back(nn::to_tensor(each.sample.text).to(at::kFloat));
    positions.push_back(model::token_positions(model::patch_grid(each.sample.latent.shape, shape)));
  }
  return {layout_of(pack, shape), at::cat(latents), at::cat(noises), {}, at::cat(texts), at::cat(positions)};
}

}  // namespace

NoiseSettings noise_settings(const Config& config) {
  const bool per_pack = config.text("diffusion.noise_level") == "per_pack";
  return {diffusion::objective(config), per_pack ? NoiseSharing::per_pack : NoiseSharing::per_sample,
          config.real("diffusion.text_dropout"), static_cast<std::uint64_t>(config.integer("rng.seed"))};
}

PackTensors pack_tensors(const std::vector<PositionedSample>& pack, const NoiseSettings& settings,
                         const model::PatchShape& shape, const at::Device& noise_device) {
  PackTensors tensors = bare_tensors(pack, {Stream::noise, settings.seed, noise_device}, shape);
  std::vector<diffusion::LevelDraws> draws;
  std::vector<float> keeps;
  for (const PositionedSample& each : pack) {
    const bool shares = settings.sharing == NoiseSharing::per_pack;
    const std::uint64_t key = key_of(shares ? pack.front() : each);
    draws.push_back(diffusion::level_draws(Philox(settings.seed, Stream::noise_level, key)));
    keeps.push_back(
        Philox(settings.seed, Stream::text_dropout, key).uniform(0) < settings.text_dropout ? 0.0F : 1.0F);
  }
  tensors.sigma = settings.objective.levels(draws);
  tensors.text.mul_(tensors.layout.per_text_row(at::tensor(keeps)).unsqueeze(1));
  return tensors;
}

PackTensors no_pack(const model::PatchShape& shape, std::int64_t text_width) {
  const at::Tensor tokens = at::empty({0, shape.features()});
  return {{{}, {}}, tokens, tokens, at::empty({0}), at::empty({0, text_width}), at::empty({0, 3}, at::kLong)};
}

PackTensors share_of(PackTensors whole, const nn::SequenceCut& cut) {
  nn::PackLayout layout = whole.layout.share(cut);
  at::Tensor latent = layout.own_rows(whole.latent), noise = layout.own_rows(whole.noise);
  return {std::move(layout), std::move(latent),     std::move(noise),
          whole.sigma,       std::move(whole.text), std::move(whole.positions)};
}

PackTensors on_device(PackTensors pack, const at::Device& device) {
  for (at::Tensor* const each : {&pack.latent, &pack.noise, &pack.sigma, &pack.text})
    *each = nn::to_device(*each, device);
  return pack;
}

PackTensors validation_tensors(const std::vector<PositionedSample>& pack, const std::vector<double>& sigmas,
                               const model::PatchShape& shape, std::uint64_t seed) {
  PackTensors tensors = bare_tensors(pack, {Stream::validation_noise, seed}, shape);
  tensors.sigma = at::tensor(sigmas).to(at::kFloat);
  return tensors;
}

}  // namespace dfm::train
