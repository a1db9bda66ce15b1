// What a trainer does in a step.
#include <array>
#include <cmath>

#include <fmt/core.h>

#include "comm/agree.h"
#include "core/activity.h"
#include "core/error.h"
#include "core/stop_token.h"
#include "nn/device.h"
#include "train/trainer.h"

namespace dfm::train {

at::Tensor Trainer::token_losses(const PackTensors& pack, const diffusion::Network& network) const {
  return settings_.noise.objective.token_losses(network, {pack.latent, pack.noise, pack.sigma}, pack.layout);
}

void Trainer::LocalSums::add(const at::Tensor& losses) {
  const at::Tensor more = losses.detach().sum(at::kDouble);
  loss = loss.defined() ? loss + more : more;
  tokens += losses.size(0);
}

void Trainer::pass(const PackTensors& pack, std::int64_t planned_tokens, LocalSums& sums) {
  const diffusion::Network network = [&](const at::Tensor& tokens, const at::Tensor& c_noise) {
    return network_.forward({tokens, pack.positions, c_noise, pack.text}, pack.layout);
  };
  const at::Tensor losses = token_losses(pack, network);
  (losses.sum() / static_cast<double>(planned_tokens)).backward();
  sums.add(losses);
}

Trainer::LocalSums Trainer::passes_in_stages(StepFeed::Work& work, std::int64_t passes) {
  const data::StepBatch& batch = work.batch;
  LocalSums sums;
  pipeline_->run(
      static_cast<std::size_t>(passes),
      {.packs = batch.packs.size(),
       .tensors = [&](std::size_t i) { return feed_.tensors(work, i); },
       .token_losses = [&](const PackTensors& pack,
                           const diffusion::Network& network) { return token_losses(pack, network); },
       .take_losses =
           [&](const PackTensors&, const at::Tensor& losses) {
             sums.add(losses);
             return losses.sum() / static_cast<double>(batch.planned_tokens);
           },
       .between_backwards = [&] { gradients_.collect(); },
       .idle = [&](const PipelineWork& idle) { idle_work(idle); }});
  return sums;
}

// What the work on a pack tells the others, without one.
void Trainer::idle_work(const PipelineWork& work) {
  for (const model::BlockUse& use : uses_.of(work)) {
    gather_->use(use);
    if (use.in == model::BlockUse::In::backward) gradients_.begin_unit(parameters_.unit_of_block(use.block));
  }
}

void Trainer::idle_pass() {
  idle_work({.is_backward = false});
  idle_work({.is_backward = true});
}

// How many passes this rank makes: as many as that with most packs, where ranks need each other's parameters
// or experts. Experts compute for all in every pass, so that such a rank has packs without samples.
std::int64_t Trainer::even_out(data::StepBatch& batch) const {
  const bool shares_experts = parameters_.parallel().expert != nullptr;
  auto passes = static_cast<std::int64_t>(batch.packs.size());
  if (shares_experts) {
    groups_.data_context.all_reduce_max(std::span(&passes, 1));
    batch.packs.resize(static_cast<std::size_t>(passes));
  } else if (gather_) {
    groups_.shard.all_reduce_max(std::span(&passes, 1));
  }
  return passes;
}

Trainer::LocalSums Trainer::forward_backward(StepFeed::Work& work) {
  data::StepBatch& batch = work.batch;
  const std::int64_t passes = even_out(batch);
  if (gather_) gather_->begin(uses_.of_training(static_cast<std::size_t>(passes)));
  if (pipeline_) return passes_in_stages(work, passes);
  LocalSums sums;
  for (std::size_t i = 0; i < batch.packs.size(); ++i) {
    pass(feed_.tensors(work, i), batch.planned_tokens, sums);
    if (i + 1 < batch.packs.size()) gradients_.collect();
  }
  for (auto i = static_cast<std::int64_t>(batch.packs.size()); i < passes; ++i) idle_pass();
  return sums;
}

// [2] float64, on the device: the loss and the squared norm of the gradient.
at::Tensor Trainer::measure(const LocalSums& sums) const {
  const at::Tensor squared_norm = gradients_.squared_norm();
  return at::stack({sums.loss.defined() ? sums.loss : at::zeros_like(squared_norm), squared_norm});
}

// The one place of a step where the host waits for the device: all that it needs to know comes in one copy.
// Clipping needs the norm, so that the update is queued after it. While a device computes, the host makes the
// next step ready.
Trainer::LocalNumbers Trainer::numbers_of(const LocalSums& sums) {
  const at::Tensor measured = measure(sums);
  if (!settings_.device.is_cpu()) feed_.prepare(next_position());
  const activity::WaitScope wait("this step", "the device");
  const at::Tensor here = measured.cpu();
  return {here[0].item<double>(), here[1].item<double>()};
}

// One small message carries all that the ranks must agree on in a step.
Trainer::Totals Trainer::totals(const LocalSums& local, std::size_t bad_samples, const StepHooks& hooks) {
  const LocalNumbers numbers = numbers_of(local);
  const StepVote vote = hooks.vote ? hooks.vote() : StepVote{};
  enum { kLoss, kTokens, kSquaredNorm, kBadSamples, kStop, kSaveReady, kSaveDue, kCount };
  std::array<double, kCount> sums{numbers.loss,
                                  static_cast<double>(local.tokens),
                                  numbers.squared_norm,
                                  static_cast<double>(bad_samples),
                                  StopToken::requested() ? 1.0 : 0.0,
                                  vote.save_ready ? 1.0 : 0.0,
                                  static_cast<double>(vote.save_due)};
  groups_.all.all_reduce_sum(std::span<double>(sums));
  return {.loss = sums[kLoss],
          .tokens = sums[kTokens],
          .squared_norm = sums[kSquaredNorm],
          .has_bad_samples = sums[kBadSamples] > 0,
          .stop_requested = sums[kStop] > 0,
          .saves_ready = sums[kSaveReady] == groups_.all.size(),
          .save_due = static_cast<Due>(sums[kSaveDue])};
}

StepResult Trainer::result_of(const Totals& totals, const data::StepBatch& batch) const {
  return {.step = steps_done_ + 1,
          .learning_rate = learning_rate(settings_.schedule, steps_done_),
          .loss = totals.tokens > 0 ? totals.loss / totals.tokens : 0.0,
          .gradient_norm = std::sqrt(totals.squared_norm) * totals.correction(batch.planned_tokens),
          .tokens = static_cast<std::int64_t>(totals.tokens),
          .pack_fill = batch.fill,
          .consumed_samples = next_position(),
          .stop_requested = totals.stop_requested,
          .saves_ready = totals.saves_ready,
          .save_due = totals.save_due,
          .gpu_bytes = nn::device_memory(settings_.device).most_bytes};
}

void Trainer::require_finite(const StepResult& result) const {
  if (std::isfinite(result.loss) && std::isfinite(result.gradient_norm)) return;
  throw comm::AgreedError(
      ExitCode::internal,
      fmt::format("step {}: the loss is {} and the gradient norm {}", result.step, result.loss,
                  result.gradient_norm),
      "nothing was saved after the last checkpoint; lower optimizer.lr or look at the data of this step");
}

// correction: of the gradients, before they are clipped.
void Trainer::update(const StepResult& result, double correction) {
  const bool clips = settings_.clip_grad > 0 && result.gradient_norm > settings_.clip_grad;
  const double clip = clips ? settings_.clip_grad / (result.gradient_norm + 1e-6) : 1.0;
  optimizer_.update(gradients_, result.step, result.learning_rate, clip * correction);
  if (gather_) gather_->forget();
  gradients_.clear();
  steps_done_ = result.step;
  activity::note_step(steps_done_);
  consumed_samples_ = result.consumed_samples;
}

StepResult Trainer::step(const StepHooks& hooks) {
  StepFeed::Work work = feed_.take(consumed_samples_);
  data::StepBatch& batch = work.batch;
  const LocalSums local = forward_backward(work);
  gradients_.reduce();
  const Totals all = totals(local, batch.bad.size(), hooks);
  if (all.has_bad_samples) {
    bad_samples_.note(batch, feed_.reader());
    feed_.forget();
  }
  const StepResult result = result_of(all, batch);
  require_finite(result);
  if (hooks.before_update) hooks.before_update();
  update(result, all.correction(batch.planned_tokens));
  data::give_back(std::move(batch));
  return result;
}

}  // namespace dfm::train
