// What is planned against what a run then takes: memory as counted by the allocator and the state's own
// tensors, and bytes as the groups count them.
#include <gtest/gtest.h>

#include "config/keys.h"
#include "nn/memory_count.h"
#include "train/data_sources.h"
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

Layer of_experts(const Layer& more) {
  Layer keys{{"model.family", "moviegen", "test"},
             {"model.num_query_groups", "2", "test"},
             {"model.num_moe_experts", "4", "test"},
             {"model.moe_expert_capacity_factor", "2", "test"},
             {"model.ffn_hidden_size", "128", "test"}};
  keys.insert(keys.end(), more.begin(), more.end());
  return keys;
}

// Bytes that this rank handed to the collectives and messages that a plan counts.
double moved_by(const comm::GridGroups& groups) {
  std::uint64_t bytes = 0;
  for (const comm::Group* group : {&groups.shard, &groups.shard_copies, &groups.expert_shard,
                                   &groups.expert_copies, &groups.pipeline, &groups.pipeline_back}) {
    const comm::Traffic& traffic = group->traffic();
    bytes += traffic.all_gather_bytes + traffic.reduce_scatter_bytes + traffic.all_reduce_bytes +
             traffic.sent_bytes;
  }
  return static_cast<double>(bytes);
}

class Planned : public ::testing::TestWithParam<PlannedRun> {
 protected:
  const comm::Group world_ = comm::Group::world();
};

TEST_P(Planned, IsWhatAStepTakes) {
  const Config config = config_of(GetParam().keys);
  const PlannedLayout layout{world_.size(), comm::grid_shape(config), comm::sharding(config)};
  if (world_.size() % (layout.grid.tensor * layout.grid.pipeline * layout.grid.expert) != 0)
    GTEST_SKIP() << "no such layout on these ranks";
  const Plan plan = PlannedWork(config).plan(layout);
  const comm::GridGroups groups(world_, comm::RankGrid(world_.size(), layout.grid));
  const TrainerSettings settings = trainer_settings(config);
  Trainer trainer(settings, groups,
                  data::PrefetchingReader(data::StepReader(
                      training_source(config, {}), reader_settings(config, settings.model, groups.data))));
  trainer.initialize();
  trainer.step();
  const double before = moved_by(groups);
  const nn::MemoryCount count;
  trainer.step();
  const StateBytes state = trainer.state_bytes();
  const double moved = moved_by(groups) - before;
  auto measured = static_cast<double>(state.parameters + state.gradients + state.optimizer + count.peak());
  world_.all_reduce_max(std::span(&measured, 1));
  EXPECT_NEAR(plan.memory.peak(), measured, 0.1 * measured)
      << "state " << state.parameters << " " << state.gradients << " " << state.optimizer << ", beside it "
      << count.peak();
  double planned = 0;
  for (const PlannedTraffic& each : plan.traffic) planned += each.is_estimate ? 0 : each.bytes;
  const double small = 64;  // agreements: how many passes
  if (groups.pipeline.rank() != plan.stage) return;
  EXPECT_NEAR(planned, moved, small);
  std::int64_t parameters = 0;
  for (const nn::Parameter& each : trainer.parameters().all()) parameters += each.count();
  EXPECT_EQ(plan.local_parameters, parameters);
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
        PlannedRun{"Pipeline", {{"model.pipeline_model_parallel_size", "2", "test"}}},
        PlannedRun{"PipelineOfChunksWithRecomputation",
                   {{"model.pipeline_model_parallel_size", "2", "test"},
                    {"model.virtual_pipeline_model_parallel_size", "2", "test"},
                    {"model.recompute_granularity", "full", "test"}}},
        PlannedRun{
            "UnevenPipelineInFloat32",
            {{"model.pipeline_model_parallel_size", "3", "test"}, {"train.precision", "fp32", "test"}}},
        PlannedRun{"Experts", of_experts({})},
        PlannedRun{"ExpertsOfTensorRanks", of_experts({{"model.tensor_model_parallel_size", "2", "test"}})},
        PlannedRun{"ExpertRanks", of_experts({{"model.expert_model_parallel_size", "2", "test"}})},
        PlannedRun{"ExpertRanksWithFsdp", of_experts({{"model.expert_model_parallel_size", "2", "test"},
                                                      {"ddp.use_megatron_fsdp", "true", "test"}})},
        PlannedRun{"Wan", {{"model.family", "wan", "test"}, {"model.text_dim", "64", "test"}}}),
    [](const auto& run) { return std::string(run.param.name); });

}  // namespace
}  // namespace dfm::train
