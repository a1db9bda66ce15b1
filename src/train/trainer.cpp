#include "train/trainer.h"

#include <array>
#include <cmath>

#include <fmt/core.h>

#include "comm/agree.h"
#include "core/activity.h"
#include "core/error.h"
#include "core/log.h"
#include "core/stop_token.h"
#include "core/system_error.h"
#include "data/loader/shared_batch.h"

namespace dfm::train {
namespace {

model::Backbone materialized(const TrainerSettings& settings, nn::ParameterList& parameters) {
  model::Backbone network = settings.model.build(parameters);
  parameters.materialize(settings.dtype);
  return network;
}

}  // namespace

TrainerSettings trainer_settings(const Config& config) {
  return {.model = model::backbone_spec(config),
          .adam = adam_settings(config),
          .schedule = schedule(config),
          .noise = noise_settings(config),
          .dtype = config.text("train.precision") == "fp32" ? at::kFloat : at::kBFloat16,
          .clip_grad = config.real("optimizer.clip_grad"),
          .max_bad_samples = config.integer("dataset.max_bad_samples")};
}

Trainer::Trainer(const TrainerSettings& settings, const comm::GridGroups& groups,
                 data::PrefetchingReader reader)
    : settings_(settings),
      groups_(groups),
      reader_(std::move(reader)),
      parameters_(nn::model_parallel(groups)),
      network_(materialized(settings, parameters_)),
      layout_(parameters_, groups.data_context.rank(), groups.data_context.size()),
      gradients_(parameters_, layout_, groups),
      optimizer_(parameters_, layout_, groups, settings.adam),
      bad_samples_(groups.all, settings.max_bad_samples) {}

void Trainer::initialize() { optimizer_.initialize(settings_.noise.seed); }

void Trainer::begin_with(const StartingValues& weights) {
  comm::agreed(groups_.all, [&] { optimizer_.begin_owned(weights); });
  optimizer_.publish();
}

void Trainer::load(const ckpt::Listed& checkpoint) {
  comm::agreed(groups_.all, [&] { with_retries([&] { load_verified(checkpoint); }); });
  optimizer_.publish();
  steps_done_ = checkpoint.manifest->step;
  activity::note_step(steps_done_);
  consumed_samples_ = checkpoint.manifest->consumed_samples;
  bad_samples_.restore(*checkpoint.manifest, reader_);
}

// Reads what this rank owns, and checks its share of the files: its own while it reads it, so that going on
// with the same ranks reads everything once.
void Trainer::load_verified(const ckpt::Listed& checkpoint) {
  const auto& files = checkpoint.manifest->files;
  const auto rank = static_cast<std::size_t>(groups_.all.rank());
  ckpt::PieceReader reader(checkpoint.folder, files, rank);
  optimizer_.load_owned(reader);
  for (std::size_t i = rank; i < files.size(); i += static_cast<std::size_t>(groups_.all.size())) {
    reader.require_checksum(files[i]);
  }
}

Trainer::LocalSums Trainer::forward_backward(const data::StepBatch& batch) {
  LocalSums sums;
  for (std::size_t i = 0; i < batch.packs.size(); ++i) {
    const PackTensors pack = share_of(pack_tensors(batch.packs[i], settings_.noise, network_.patches),
                                      parameters_.parallel().sequence_cut());
    const diffusion::Network network = [&](const at::Tensor& tokens, const at::Tensor& c_noise) {
      return network_.forward({tokens, pack.positions, c_noise, pack.text}, pack.layout);
    };
    const at::Tensor losses =
        settings_.noise.objective.token_losses(network, {pack.latent, pack.noise, pack.sigma}, pack.layout);
    (losses.sum() / static_cast<double>(batch.planned_tokens)).backward();
    sums.loss += losses.detach().sum(at::kDouble).item<double>();
    sums.tokens += pack.layout.tokens();
    if (i + 1 < batch.packs.size()) gradients_.collect();
  }
  return sums;
}

void Trainer::require_finite(const StepResult& result) const {
  if (std::isfinite(result.loss) && std::isfinite(result.gradient_norm)) return;
  throw comm::AgreedError(
      ExitCode::internal,
      fmt::format("step {}: the loss is {} and the gradient norm {}", result.step, result.loss,
                  result.gradient_norm),
      "nothing was saved after the last checkpoint; lower optimizer.lr or look at the data of this step");
}

StepResult Trainer::step(const StepHooks& hooks) {
  data::StepBatch batch =
      data::read_once(groups_.replica, [this] { return reader_.take(consumed_samples_); });
  const LocalSums local = forward_backward(batch);
  gradients_.reduce();

  // One small message carries all that the ranks must agree on in a step.
  enum { kLoss, kTokens, kSquaredNorm, kBadSamples, kStop, kSaveReady, kSaveDue, kCount };
  const StepVote vote = hooks.vote ? hooks.vote() : StepVote{};
  std::array<double, kCount> sums{local.loss,
                                  static_cast<double>(local.tokens),
                                  gradients_.squared_norm(),
                                  static_cast<double>(batch.bad.size()),
                                  StopToken::requested() ? 1.0 : 0.0,
                                  vote.save_ready ? 1.0 : 0.0,
                                  static_cast<double>(vote.save_due)};
  groups_.all.all_reduce_sum(std::span<double>(sums));
  if (sums[kBadSamples] > 0) bad_samples_.note(batch, reader_);

  // Gradients were divided by the planned tokens; samples left out make the true count smaller.
  const double correction =
      sums[kTokens] > 0 ? static_cast<double>(batch.planned_tokens) / sums[kTokens] : 1.0;
  StepResult result{.step = steps_done_ + 1,
                    .learning_rate = learning_rate(settings_.schedule, steps_done_),
                    .loss = sums[kTokens] > 0 ? sums[kLoss] / sums[kTokens] : 0.0,
                    .gradient_norm = std::sqrt(sums[kSquaredNorm]) * correction,
                    .tokens = static_cast<std::int64_t>(sums[kTokens]),
                    .pack_fill = batch.fill,
                    .consumed_samples = consumed_samples_ + reader_.global_batch_size(),
                    .stop_requested = sums[kStop] > 0,
                    .saves_ready = sums[kSaveReady] == groups_.all.size(),
                    .save_due = static_cast<Due>(sums[kSaveDue])};
  require_finite(result);
  const bool clips = settings_.clip_grad > 0 && result.gradient_norm > settings_.clip_grad;
  const double clip = clips ? settings_.clip_grad / (result.gradient_norm + 1e-6) : 1.0;
  if (hooks.before_update) hooks.before_update();
  optimizer_.update(gradients_, result.step, result.learning_rate, clip * correction);
  gradients_.clear();
  steps_done_ = result.step;
  activity::note_step(steps_done_);
  consumed_samples_ = result.consumed_samples;
  data::give_back(std::move(batch));
  return result;
}

}  // namespace dfm::train
