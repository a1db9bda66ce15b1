#include "train/validation.h"

#include <array>

#include "comm/agree.h"
#include "core/stop_token.h"
#include "data/loader/shared_batch.h"
#include "model/patchify.h"

namespace dfm::train {
namespace {

constexpr std::size_t kLevels = 8;

// Loss and tokens, by noise level.
struct LevelSums {
  std::array<double, kLevels> loss{}, tokens{};
};

void evaluate(const model::Backbone& backbone, const std::vector<data::PositionedSample>& pack,
              const std::vector<double>& levels, const ValidationSettings& settings,
              const diffusion::Objective& objective, const nn::SequenceCut& cut, LevelSums& sums) {
  std::vector<double> sigmas;
  sigmas.reserve(pack.size());
  for (const auto& each : pack) sigmas.push_back(levels[static_cast<std::size_t>(each.position) % kLevels]);
  const PackTensors tensors = on_device(
      share_of(validation_tensors(pack, sigmas, backbone.patches, settings.seed), cut), backbone.device);
  const diffusion::Network network = [&](const at::Tensor& tokens, const at::Tensor& c_noise) {
    return backbone.forward({tokens, tensors.positions, c_noise, tensors.text}, tensors.layout);
  };
  const at::Tensor losses =
      objective.token_losses(network, {tensors.latent, tensors.noise, tensors.sigma}, tensors.layout).cpu();
  for (std::size_t i = 0; i < pack.size(); ++i) {
    const std::size_t level = static_cast<std::size_t>(pack[i].position) % kLevels;
    const std::int64_t begin = tensors.layout.token_begins()[i], count = tensors.layout.token_counts()[i];
    sums.loss[level] += losses.narrow(0, begin, count).sum(at::kDouble).item<double>();
    sums.tokens[level] += static_cast<double>(count);
  }
}

using Pack = std::vector<std::int64_t>;  // numbers of samples

// The samples of one replica of the network, in packs of at most the capacity.
std::vector<Pack> packs_of(const model::Backbone& backbone, const data::SampleSource& source,
                           const ValidationSettings& settings, const comm::Group& data) {
  std::vector<Pack> packs;
  std::int64_t room = 0;
  const std::int64_t samples = std::min(settings.samples, source.count());
  for (std::int64_t i = data.rank(); i < samples; i += data.size()) {
    const std::int64_t tokens =
        model::patch_grid(data::latent_shape(source.shape(i)), backbone.patches).tokens();
    if (packs.empty() || tokens > room) {
      packs.emplace_back();
      room = settings.pack_capacity;
    }
    packs.back().push_back(i);
    room -= tokens;
  }
  return packs;
}

// By one rank of those that share the network, for all of them. Nothing where there is no pack.
std::vector<data::PositionedSample> read_pack(const data::SampleSource& source, const Pack* pack,
                                              const comm::Group& replica) {
  if (pack == nullptr) return {};
  data::StepBatch batch = data::read_once(replica, [&] {
    data::StepBatch read;
    auto& samples = read.packs.emplace_back();
    for (const std::int64_t i : *pack) samples.push_back({i, source.read(i).value()});
    return read;
  });
  return std::move(batch.packs.front());
}

// All ranks go from pass to pass together, or not at all: where some give others parameters, they must make
// as many passes. An error within a pass is this rank's alone, and is not agreed on: the others may be
// waiting for it there.
LevelSums evaluate_share(const model::Backbone& backbone, const data::SampleSource& source,
                         const ValidationSettings& settings, const diffusion::Objective& objective,
                         const comm::GridGroups& groups) {
  const at::NoGradGuard no_gradients;
  const std::vector<double> levels = objective.spread_levels(kLevels);
  const nn::SequenceCut cut = nn::model_parallel(groups).sequence_cut();
  const std::vector<Pack> packs =
      comm::agreed(groups.all, [&] { return packs_of(backbone, source, settings, groups.data); });
  auto passes = static_cast<std::int64_t>(packs.size());
  groups.all.all_reduce_max(std::span(&passes, 1));
  LevelSums sums;
  for (std::size_t i = 0; i < static_cast<std::size_t>(passes); ++i) {
    comm::agreed(groups.all, [] { StopToken::throw_if_requested(); });
    const Pack* const pack = i < packs.size() ? &packs[i] : nullptr;
    const auto samples = comm::agreed(groups.all, [&] { return read_pack(source, pack, groups.replica); });
    if (pack != nullptr) {
      evaluate(backbone, samples, levels, settings, objective, cut, sums);
    } else if (backbone.idle_forward) {
      backbone.idle_forward();
    }
  }
  return sums;
}

}  // namespace

ValidationSettings validation_settings(const Config& config) {
  return {config.integer("train.eval_iters") * config.integer("train.global_batch_size"),
          config.integer("dataset.task_encoder_seq_length"),
          static_cast<std::uint64_t>(config.integer("rng.seed"))};
}

ValidationResult validate(const model::Backbone& backbone, const data::SampleSource& source,
                          const ValidationSettings& settings, const diffusion::Objective& objective,
                          const comm::GridGroups& groups) {
  LevelSums sums = evaluate_share(backbone, source, settings, objective, groups);
  if (groups.pipeline.rank() > 0) sums = {};  // all stages have the same
  groups.all.all_reduce_sum(std::span<double>(sums.loss));
  groups.all.all_reduce_sum(std::span<double>(sums.tokens));
  const std::vector<double> levels = objective.spread_levels(kLevels);
  ValidationResult result;
  double loss = 0, tokens = 0;
  for (std::size_t level = 0; level < kLevels; ++level) {
    if (sums.tokens[level] > 0) result.loss_at_sigma[levels[level]] = sums.loss[level] / sums.tokens[level];
    loss += sums.loss[level];
    tokens += sums.tokens[level];
  }
  result.loss = tokens > 0 ? loss / tokens : 0;
  return result;
}

}  // namespace dfm::train
