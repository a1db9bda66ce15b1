// What is planned against what a run then takes: memory as counted by the allocator and the state's own
// tensors, and bytes as the groups count them.
#include <gtest/gtest.h>

#include "config/keys.h"
#include "nn/memory_count.h"
#include "train/plan.h"
#include "train/setup.h"
#include "train/trainer.h"

namespace dfm::train {
namespace {

struct PlannedRun {
  const char* name;
  Layer keys;
};

Config config_of(const Layer& keys) {
  Config config(all_keys());
  config.apply({{"model.num_layers", "4", "test"},
                {"model.hidden_size", "128", "test"},
                {"model.num_attention_heads", "4", "test"},
                {"model.crossattn_emb_size", "64", "test"},
                {"model.adaln_rank", "16", "test"},
                {"dataset.mock", "true", "test"},
                {"dataset.context_seq_len", "16", "test"},
                {"dataset.task_encoder_seq_length", "512", "test"},
                {"train.global_batch_size", "24", "test"},
                {"plan.ranks_per_node", "2", "test"}});
  config.apply(keys);
  return config;
}

class Planned : public ::testing::TestWithParam<PlannedRun> {
 protected:
  const comm::Group world_ = comm::Group::world();
};

TEST_P(Planned, IsWhatAStepTakes) {
  const Config config = config_of(GetParam().keys);
  const PlannedLayout layout{world_.size(), comm::grid_shape(config), comm::sharding(config)};
  const Plan plan = PlannedWork(config).plan(layout);
  const comm::GridGroups groups(world_, comm::RankGrid(world_.size(), layout.grid));
  const TrainerSettings settings = trainer_settings(config);
  Trainer trainer(settings, groups,
                  data::PrefetchingReader(data::StepReader(
                      training_source(config), reader_settings(config, settings.model, groups.data))));
  trainer.initialize();
  trainer.step();
  const comm::Traffic shard = groups.shard.traffic(), copies = groups.shard_copies.traffic();
  const nn::MemoryCount count;
  trainer.step();
  const StateBytes state = trainer.state_bytes();
  const double measured =
      static_cast<double>(state.parameters + state.gradients + state.optimizer + count.peak());
  EXPECT_NEAR(plan.memory.peak(), measured, 0.1 * measured)
      << "state " << state.parameters << " " << state.gradients << " " << state.optimizer << ", beside it "
      << count.peak();
  double moved = 0;
  for (const PlannedTraffic& each : plan.traffic) moved += each.is_estimate ? 0 : each.bytes;
  const auto counted = [](const comm::Traffic& traffic) {
    return static_cast<double>(traffic.all_gather_bytes + traffic.reduce_scatter_bytes +
                               traffic.all_reduce_bytes);
  };
  const double small = 64;  // agreements: how many passes
  EXPECT_NEAR(moved,
              counted(groups.shard.traffic()) - counted(shard) + counted(groups.shard_copies.traffic()) -
                  counted(copies),
              small);
  EXPECT_EQ(plan.parameters, trainer.parameters().total_count());
}

INSTANTIATE_TEST_SUITE_P(
    Of, Planned,
    ::testing::Values(
        PlannedRun{"ZeRO1", {}}, PlannedRun{"ZeRO1InFloat32", {{"train.precision", "fp32", "test"}}},
        PlannedRun{"Fsdp", {{"ddp.use_megatron_fsdp", "true", "test"}}},
        PlannedRun{
            "FsdpWithFullRecomputation",
            {{"ddp.use_megatron_fsdp", "true", "test"}, {"model.recompute_granularity", "full", "test"}}},
        PlannedRun{"SelectiveRecomputation", {{"model.recompute_granularity", "selective", "test"}}},
        PlannedRun{"NoSharding", {{"ddp.data_parallel_sharding_strategy", "no_shard", "test"}}},
        PlannedRun{"Wan", {{"model.family", "wan", "test"}, {"model.text_dim", "64", "test"}}}),
    [](const auto& run) { return std::string(run.param.name); });

}  // namespace
}  // namespace dfm::train
