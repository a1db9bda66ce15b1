#include "train/trainer.h"

#include <cstdlib>

#include "comm/agree.h"
#include "core/activity.h"
#include "core/log.h"
#include "core/system_error.h"
#include "train/replicas.h"

namespace dfm::train {
namespace {

nn::Memory memory_of(comm::Sharding sharding) {
  return sharding >= comm::Sharding::gradients ? nn::Memory::by_block : nn::Memory::whole;
}

model::Backbone materialized(const TrainerSettings& settings, nn::ParameterList& parameters) {
  model::Backbone network = settings.model.build(parameters);
  parameters.materialize(settings.dtype, memory_of(settings.sharding), settings.device);
  network.device = settings.device;
  return network;
}

// A run may ask for an average later than it began.
bool has_average(const ckpt::Manifest& manifest) {
  const auto decay = manifest.config.find("train.ema_decay");
  return decay == manifest.config.end() || std::strtod(decay->second.c_str(), nullptr) > 0;
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
      uses_(network_.recompute, parameters_.parallel().depth, settings.model.layers),
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
    if (gather_->is_done()) gather_->begin(uses_.of_forward());
    gather_->use({block, In::forward});
  };
  hooks.before_backward = [this](std::size_t block) { gather_->use({block, In::backward}); };
  hooks.after_backward = [this](std::size_t block) {
    gradients_.begin_unit(parameters_.unit_of_block(block));
  };
  network_.idle_forward = [this] {
    const auto uses = uses_.of_forward();
    gather_->begin(uses);
    for (const model::BlockUse& use : uses) gather_->use(use);
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
  if (settings_.adam.ema_decay > 0 && !has_average(*checkpoint.manifest)) {
    log::info("{} holds no moving average (train.ema_decay): it begins with the weights",
              checkpoint.folder.native());
  }
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
  if (has_average(*checkpoint.manifest)) {
    optimizer_.load_owned(reader);
  } else {
    optimizer_.load_owned_without_average(reader);
  }
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

}  // namespace dfm::train
