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
  for (const auto& each : pack) sigmas.push_back(levels[static_cast<std::size_t>(each.position) % kLevels]);
  const PackTensors tensors =
      share_of(validation_tensors(pack, sigmas, backbone.patches, settings.seed), cut);
  const diffusion::Network network = [&](const at::Tensor& tokens, const at::Tensor& c_noise) {
    return backbone.forward({tokens, tensors.positions, c_noise, tensors.text}, tensors.layout);
  };
  const at::Tensor losses =
      objective.token_losses(network, {tensors.latent, tensors.noise, tensors.sigma}, tensors.layout);
  for (std::size_t i = 0; i < pack.size(); ++i) {
    const std::size_t level = static_cast<std::size_t>(pack[i].position) % kLevels;
    const std::int64_t begin = tensors.layout.token_begins()[i], count = tensors.layout.token_counts()[i];
    sums.loss[level] += losses.narrow(0, begin, count).sum(at::kDouble).item<double>();
    sums.tokens[level] += static_cast<double>(count);
  }
}

// Ranks that share the network go on together, or not at all.
void throw_if_asked_to_stop(const comm::GridGroups& groups) {
  comm::agreed(groups.replica, [] { StopToken::throw_if_requested(); });
}

// By one rank of those that share the network, for all of them.
data::PositionedSample read_sample(const data::SampleSource& source, std::int64_t number,
                                   const comm::Group& replica) {
  data::StepBatch batch = data::read_once(replica, [&] {
    data::StepBatch of_one;
    of_one.packs.emplace_back().push_back({number, source.read(number)});
    return of_one;
  });
  return std::move(batch.packs.front().front());
}

// The samples of one replica of the network, in packs of at most the capacity.
LevelSums evaluate_share(const model::Backbone& backbone, const data::SampleSource& source,
                         const ValidationSettings& settings, const diffusion::Objective& objective,
                         const comm::GridGroups& groups) {
  const at::NoGradGuard no_gradients;
  const std::vector<double> levels = objective.spread_levels(kLevels);
  const nn::SequenceCut cut = nn::model_parallel(groups).sequence_cut();
  LevelSums sums;
  std::vector<data::PositionedSample> pack;
  std::int64_t tokens_in_pack = 0;
  const auto flush = [&] {
    throw_if_asked_to_stop(groups);
    if (!pack.empty()) evaluate(backbone, pack, levels, settings, objective, cut, sums);
    pack.clear();
    tokens_in_pack = 0;
  };
  const std::int64_t samples = std::min(settings.samples, source.count());
  for (std::int64_t i = groups.data.rank(); i < samples; i += groups.data.size()) {
    const std::int64_t tokens =
        model::patch_grid(data::latent_shape(source.shape(i)), backbone.patches).tokens();
    if (tokens_in_pack + tokens > settings.pack_capacity) flush();
    pack.push_back(read_sample(source, i, groups.replica));
    tokens_in_pack += tokens;
  }
  flush();
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
  LevelSums sums =
      comm::agreed(groups.all, [&] { return evaluate_share(backbone, source, settings, objective, groups); });
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
