// Model, optimizer and data of one run, and what a step does with them. The loop around it (train/loop.h)
// decides when to log, validate, save and stop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ckpt/checkpoint.h"
#include "comm/grid_settings.h"
#include "comm/rank_grid.h"
#include "config/config.h"
#include "data/loader/prefetching_reader.h"
#include "model/backbone.h"
#include "train/adam.h"
#include "train/bad_samples.h"
#include "train/batch.h"
#include "train/cadence.h"
#include "train/gradients.h"
#include "train/pipeline.h"
#include "train/schedule.h"
#include "train/shard_layout.h"
#include "train/stage_uses.h"
#include "train/step_feed.h"
#include "train/unit_gather.h"

namespace dfm::train {

struct TrainerSettings {
  model::BackboneSpec model;
  AdamSettings adam;
  Schedule schedule;
  NoiseSettings noise;
  at::ScalarType dtype = at::kBFloat16;  // of the parameters
  at::Device device = at::kCPU;          // of all tensors of the training
  double clip_grad = 1.0;
  comm::Sharding sharding = comm::Sharding::optimizer;
  std::int64_t max_bad_samples = 0;
};

TrainerSettings trainer_settings(const Config& config);

struct StepResult {
  std::int64_t step = 0;  // counted from 1
  double learning_rate = 0;
  double loss = 0;
  double gradient_norm = 0;  // before clipping
  std::int64_t tokens = 0;
  double pack_fill = 0;               // share of the room in the packs of all ranks
  std::int64_t consumed_samples = 0;  // with this step
  bool stop_requested = false;        // on any rank
  bool saves_ready = false;           // on every rank
  Due save_due = Due::nothing;        // as the one rank says that has a clock
  std::int64_t gpu_bytes = 0;         // the most that tensors took of this rank's GPU so far
};

// What a rank tells the others about checkpoints, in the small message that each step sends anyway.
struct StepVote {
  bool save_ready = false;      // this rank's part of the save in flight is done
  Due save_due = Due::nothing;  // rank 0 alone
};

// Bytes of tensors that this rank holds from step to step.
struct StateBytes {
  std::int64_t parameters = 0;  // as the network reads them, with the buffers that blocks are gathered in
  std::int64_t gradients = 0;   // sums over the ranks
  std::int64_t optimizer = 0;   // master weights, moments, moving average
};

struct StepHooks {
  std::function<StepVote()> vote;       // asked once a step
  std::function<void()> before_update;  // the state is about to change
};

class Trainer {
 public:
  Trainer(const TrainerSettings& settings, const comm::GridGroups& groups, data::PrefetchingReader reader);
  Trainer(const Trainer&) = delete;  // its parts refer to each other
  Trainer& operator=(const Trainer&) = delete;

  // Collective. Starting weights.
  void initialize();
  // Collective. Given starting weights. Throws on every rank what hinders one.
  void begin_with(const StartingValues& weights);
  // Collective. Goes on from a checkpoint. Throws on every rank when a file of it is damaged or cannot be
  // read; the state is then undefined until another one is loaded.
  void load(const ckpt::Listed& checkpoint);

  // Collective. One optimizer step. Throws on every rank, before the weights change, when the loss or the
  // gradient is not finite, or when more samples than allowed could not be read.
  StepResult step(const StepHooks& hooks = {});

  std::int64_t steps_done() const { return steps_done_; }
  std::int64_t consumed_samples() const { return consumed_samples_; }
  const model::Backbone& network() const { return network_; }
  const nn::ParameterList& parameters() const { return parameters_; }
  StateBytes state_bytes() const;
  // The most blocks whose parameters were there at the same time, where they come and go.
  std::size_t most_gathered() const { return gather_ ? gather_->most_gathered() : 0; }
  std::vector<ckpt::Piece> pieces() const { return optimizer_.pieces(); }
  // What could not be read, and the numbers of those samples, which are not read again.
  const std::vector<std::string>& bad_samples() const { return bad_samples_.problems(); }
  std::vector<std::int64_t> quarantine() const { return feed_.reader().left_out(); }

 private:
  struct LocalSums {
    // Adds the losses of a pack's tokens.
    void add(const at::Tensor& losses);

    at::Tensor loss;  // float64, on the device; undefined without a pack
    std::int64_t tokens = 0;
  };
  struct LocalNumbers {
    double loss = 0, squared_norm = 0;
  };
  // Of all ranks in a step.
  struct Totals {
    // Gradients were divided by the planned tokens; samples left out make the true count smaller.
    double correction(std::int64_t planned_tokens) const {
      return tokens > 0 ? static_cast<double>(planned_tokens) / tokens : 1.0;
    }

    double loss = 0, tokens = 0, squared_norm = 0;
    bool has_bad_samples = false, stop_requested = false, saves_ready = false;
    Due save_due = Due::nothing;
  };

  void gather_blocks(std::size_t buffers);
  void publish();
  void load_verified(const ckpt::Listed& checkpoint);
  LocalSums forward_backward(StepFeed::Work& work);
  PackTensors own_share(const std::vector<data::PositionedSample>& samples) const;
  at::Tensor token_losses(const PackTensors& pack, const diffusion::Network& network) const;
  void pass(const PackTensors& pack, std::int64_t planned_tokens, LocalSums& sums);
  LocalSums passes_in_stages(StepFeed::Work& work, std::int64_t passes);
  void idle_pass();
  void idle_work(const PipelineWork& work);
  at::Tensor measure(const LocalSums& sums) const;
  LocalNumbers numbers_of(const LocalSums& sums);
  Totals totals(const LocalSums& local, std::size_t bad_samples, const StepHooks& hooks);
  StepResult result_of(const Totals& totals, const data::StepBatch& batch) const;
  void update(const StepResult& result, double correction);
  std::int64_t next_position() const { return consumed_samples_ + feed_.reader().global_batch_size(); }
  std::int64_t even_out(data::StepBatch& batch) const;
  void forward_without_pack() const;
  void require_finite(const StepResult& result) const;

  TrainerSettings settings_;
  const comm::GridGroups& groups_;
  StepFeed feed_;
  nn::ParameterList parameters_;
  model::Backbone network_;
  StageUses uses_;
  ShardLayout layout_;
  Gradients gradients_;
  ShardedAdam optimizer_;
  std::optional<Pipeline> pipeline_;  // where stages share the network
  std::optional<UnitGather> gather_;  // where gradients or parameters are divided
  std::int64_t steps_done_ = 0;
  std::int64_t consumed_samples_ = 0;  // the position of the next step
  BadSamples bad_samples_;
};

}  // namespace dfm::train
