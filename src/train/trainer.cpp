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
#include "nn/device.h"
#include "train/replicas.h"

namespace dfm::train {
namespace {

std::vector<model::BlockUse> repeated(const std::vector<model::BlockUse>& uses, std::int64_t times) {
  std::vector<model::BlockUse> all;
  for (std::int64_t i = 0; i < times; ++i) all.insert(all.end(), uses.begin(), uses.end());
  return all;
}

nn::Memory memory_of(comm::Sharding sharding) {
  return sharding >= comm::Sharding::gradients ? nn::Memory::by_block : nn::Memory::whole;
}

model::Backbone materialized(const TrainerSettings& settings, nn::ParameterList& parameters) {
  model::Backbone network = settings.model.build(parameters);
  parameters.materialize(settings.dtype, memory_of(settings.sharding), settings.device);
  network.device = settings.device;
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
          .sharding = comm::sharding(config),
          .max_bad_samples = config.integer("dataset.max_bad_samples")};
}

Trainer::Trainer(const TrainerSettings& settings, const comm::GridGroups& groups,
                 data::PrefetchingReader reader)
    : settings_(settings),
      groups_(groups),
      feed_(std::move(reader), groups.replica, [this](const auto& samples) { return own_share(samples); }),
      parameters_(nn::model_parallel(groups)),
      network_(materialized(settings, parameters_)),
      layout_(parameters_, shard_places(groups)),
      gradients_(parameters_, layout_, groups),
      optimizer_(parameters_, layout_, groups, settings.adam),
      bad_samples_(groups.all, settings.max_bad_samples) {
  if (parameters_.parallel().pipeline != nullptr) pipeline_.emplace(network_, parameters_.parallel());
  const std::size_t blocks = parameters_.units().size() - 1;
  if (blocks > 0) gather_blocks(settings.sharding == comm::Sharding::parameters ? 2 : blocks);
  if (parameters_.parallel().expert != nullptr) network_.idle_forward = [this] { forward_without_pack(); };
}

// Blocks get their parameters before they compute, and give their gradients away after.
void Trainer::gather_blocks(std::size_t buffers) {
  using In = model::BlockUse::In;
  gather_.emplace(parameters_, layout_, groups_, buffers);
  gather_->fill = [this](std::size_t unit, const at::Tensor& values) {
    optimizer_.write_owned(unit, values);
  };
  nn::BlockHooks& hooks = *parameters_.block_hooks();
  hooks.before_forward = [this](std::size_t block) {
    // A pass that was not announced has no gradients.
    if (gather_->is_done()) gather_->begin(model::forward_uses(gather_->blocks()));
    gather_->use({block, In::forward});
  };
  hooks.before_backward = [this](std::size_t block) { gather_->use({block, In::backward}); };
  hooks.after_backward = [this](std::size_t block) { gradients_.begin_unit(block + 1); };
  network_.idle_forward = [this] {
    gather_->begin(model::forward_uses(gather_->blocks()));
    for (std::size_t block = 0; block < gather_->blocks(); ++block) gather_->use({block, In::forward});
  };
}

// Experts compute what others send them.
void Trainer::forward_without_pack() const {
  const at::NoGradGuard no_gradients;
  const PackTensors none = own_share({});
  network_.forward({none.latent, none.positions, none.sigma, none.text}, none.layout);
}

void Trainer::initialize() {
  optimizer_.initialize(settings_.noise.seed);
  if (gather_) gather_->forget();
}

void Trainer::publish() {
  optimizer_.publish();
  if (gather_) gather_->forget();
}

StateBytes Trainer::state_bytes() const {
  const auto held = static_cast<std::int64_t>(parameters_.buffer().nbytes());
  return {held + (gather_ ? gather_->held_bytes() : 0), gradients_.held_bytes(), optimizer_.held_bytes()};
}

void Trainer::begin_with(const StartingValues& weights) {
  comm::agreed(groups_.all, [&] { optimizer_.begin_owned(weights); });
  publish();
}

void Trainer::load(const ckpt::Listed& checkpoint) {
  comm::agreed(groups_.all, [&] { with_retries([&] { load_verified(checkpoint); }); });
  publish();
  steps_done_ = checkpoint.manifest->step;
  activity::note_step(steps_done_);
  consumed_samples_ = checkpoint.manifest->consumed_samples;
  bad_samples_.restore(*checkpoint.manifest, feed_.reader());
  feed_.forget();
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

PackTensors Trainer::own_share(const std::vector<data::PositionedSample>& samples) const {
  PackTensors whole = samples.empty()
                          ? no_pack(network_.patches, settings_.model.text_width)
                          : pack_tensors(samples, settings_.noise, network_.patches, settings_.device);
  return on_device(share_of(std::move(whole), parameters_.parallel().sequence_cut()), settings_.device);
}

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

Trainer::LocalSums Trainer::passes_in_stages(StepFeed::Work& work) {
  const data::StepBatch& batch = work.batch;
  LocalSums sums;
  pipeline_->run(batch.packs.size(), {.tensors = [&](std::size_t i) { return feed_.tensors(work, i); },
                                      .token_losses =
                                          [&](const PackTensors& pack, const diffusion::Network& network) {
                                            return token_losses(pack, network);
                                          },
                                      .take_losses =
                                          [&](const PackTensors&, const at::Tensor& losses) {
                                            sums.add(losses);
                                            return losses.sum() / static_cast<double>(batch.planned_tokens);
                                          },
                                      .between_backwards = [&] { gradients_.collect(); }});
  return sums;
}

// What a pass tells the others, without a pack.
void Trainer::idle_pass() {
  for (const model::BlockUse& use : model::training_uses(network_.recompute, gather_->blocks())) {
    gather_->use(use);
    if (use.in == model::BlockUse::In::backward) gradients_.begin_unit(use.block + 1);
  }
}

// As many packs as the rank with most has, where ranks need each other's experts.
void Trainer::even_out(data::StepBatch& batch) const {
  if (parameters_.parallel().expert == nullptr) return;
  auto packs = static_cast<std::int64_t>(batch.packs.size());
  groups_.data_context.all_reduce_max(std::span(&packs, 1));
  batch.packs.resize(static_cast<std::size_t>(packs));
}

// As many passes as the rank with most packs makes, where ranks need each other's parameters.
Trainer::LocalSums Trainer::forward_backward(StepFeed::Work& work) {
  if (pipeline_) return passes_in_stages(work);
  const data::StepBatch& batch = work.batch;
  auto passes = static_cast<std::int64_t>(batch.packs.size());
  if (gather_) {
    groups_.shard.all_reduce_max(std::span(&passes, 1));
    gather_->begin(repeated(model::training_uses(network_.recompute, gather_->blocks()), passes));
  }
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
// Clipping needs the norm, so that the update is queued after it.
Trainer::LocalNumbers Trainer::read(const at::Tensor& measured) {
  const activity::WaitScope wait("this step", "the device");
  const at::Tensor here = measured.cpu();
  return {here[0].item<double>(), here[1].item<double>()};
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
  StepFeed::Work work = feed_.take(consumed_samples_);
  data::StepBatch& batch = work.batch;
  even_out(batch);
  const LocalSums local = forward_backward(work);
  gradients_.reduce();
  const at::Tensor measured = measure(local);
  const std::int64_t next = consumed_samples_ + feed_.reader().global_batch_size();
  if (!settings_.device.is_cpu()) feed_.prepare(next);
  const LocalNumbers numbers = read(measured);

  // One small message carries all that the ranks must agree on in a step.
  enum { kLoss, kTokens, kSquaredNorm, kBadSamples, kStop, kSaveReady, kSaveDue, kCount };
  const StepVote vote = hooks.vote ? hooks.vote() : StepVote{};
  std::array<double, kCount> sums{numbers.loss,
                                  static_cast<double>(local.tokens),
                                  numbers.squared_norm,
                                  static_cast<double>(batch.bad.size()),
                                  StopToken::requested() ? 1.0 : 0.0,
                                  vote.save_ready ? 1.0 : 0.0,
                                  static_cast<double>(vote.save_due)};
  groups_.all.all_reduce_sum(std::span<double>(sums));
  if (sums[kBadSamples] > 0) {
    bad_samples_.note(batch, feed_.reader());
    feed_.forget();
  }

  // Gradients were divided by the planned tokens; samples left out make the true count smaller.
  const double correction =
      sums[kTokens] > 0 ? static_cast<double>(batch.planned_tokens) / sums[kTokens] : 1.0;
  StepResult result{.step = steps_done_ + 1,
                    .learning_rate = learning_rate(settings_.schedule, steps_done_),
                    .loss = sums[kTokens] > 0 ? sums[kLoss] / sums[kTokens] : 0.0,
                    .gradient_norm = std::sqrt(sums[kSquaredNorm]) * correction,
                    .tokens = static_cast<std::int64_t>(sums[kTokens]),
                    .pack_fill = batch.fill,
                    .consumed_samples = next,
                    .stop_requested = sums[kStop] > 0,
                    .saves_ready = sums[kSaveReady] == groups_.all.size(),
                    .save_due = static_cast<Due>(sums[kSaveDue]),
                    .gpu_bytes = nn::device_memory(settings_.device).most_bytes};
  require_finite(result);
  const bool clips = settings_.clip_grad > 0 && result.gradient_norm > settings_.clip_grad;
  const double clip = clips ? settings_.clip_grad / (result.gradient_norm + 1e-6) : 1.0;
  if (hooks.before_update) hooks.before_update();
  optimizer_.update(gradients_, result.step, result.learning_rate, clip * correction);
  if (gather_) gather_->forget();
  gradients_.clear();
  steps_done_ = result.step;
  activity::note_step(steps_done_);
  consumed_samples_ = result.consumed_samples;
  data::give_back(std::move(batch));
  return result;
}

}  // namespace dfm::train
