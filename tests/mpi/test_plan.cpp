// What is planned against what a run then takes: memory as counted by the allocator and the state's own
// tensors, and bytes as the groups count them.
#include <map>

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
  int ranks = 0;  // 0: any number that the layout divides
};

// Two full packs for each rank, at least.
Config config_of(const Layer& keys, int ranks) {
  Config config(all_keys());
  config.apply({{"model.num_layers", "4", "test"},
                {"model.hidden_size", "128", "test"},
                {"model.num_attention_heads", "4", "test"},
                {"model.crossattn_emb_size", "64", "test"},
                {"model.adaln_rank", "16", "test"},
                {"dataset.mock", "true", "test"},
                {"dataset.context_seq_len", "16", "test"},
                {"dataset.task_encoder_seq_length", "512", "test"},
                {"train.global_batch_size", std::to_string(4 * ranks), "test"},
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

// Bytes that this rank handed to the collectives and messages of each kind of group.
using Moved = std::map<std::string, double>;

Moved moved_by(const comm::GridGroups& groups) {
  std::map<std::string, std::vector<const comm::Group*>> kinds{
      {"shard", {&groups.shard, &groups.expert_shard}},
      {"copies", {&groups.shard_copies, &groups.expert_copies}},
      {"tp", {&groups.tensor}},
      {"cp", {&groups.context, &groups.context_heads, &groups.context_ring}},
      {"ep", {&groups.expert}},
      {"pp", {&groups.pipeline}}};
  if (groups.stage_links) {
    kinds.at("pp").push_back(&groups.stage_links->to_after);
    kinds.at("pp").push_back(&groups.stage_links->to_before);
  }
  Moved moved;
  for (const auto& [kind, those] : kinds) {
    for (const comm::Group* const group : those) {
      const comm::Traffic& traffic = group->traffic();
      moved[kind] += static_cast<double>(traffic.all_gather_bytes + traffic.reduce_scatter_bytes +
                                         traffic.all_reduce_bytes + traffic.all_to_all_bytes +
                                         traffic.sent_bytes + traffic.broadcast_bytes);
    }
  }
  return moved;
}

Moved difference(Moved after, const Moved& before) {
  for (auto& [kind, bytes] : after) bytes -= before.at(kind);
  return after;
}

// Of each kind of group, and whether the plan says that it knows.
struct PlannedBytes {
  double bytes = 0;
  bool is_estimate = false;
};

std::map<std::string, PlannedBytes> by_kind(const Plan& plan) {
  std::map<std::string, PlannedBytes> kinds;
  for (const PlannedTraffic& each : plan.traffic) {
    kinds[each.group].bytes += each.bytes;
    kinds[each.group].is_estimate |= each.is_estimate;
  }
  return kinds;
}

// By the rank that the plan is of; all look at it.
void expect_planned(const Plan& plan, const Moved& moved, const comm::Group& world) {
  const auto planned = by_kind(plan);
  for (auto [kind, bytes] : moved) {
    world.broadcast(std::as_writable_bytes(std::span(&bytes, 1)), plan.rank);
    const auto found = planned.find(kind);
    const PlannedBytes of_plan = found == planned.end() ? PlannedBytes() : found->second;
    if (of_plan.is_estimate) {
      EXPECT_NEAR(of_plan.bytes, bytes, 0.25 * bytes) << kind;  // scores say which rank has the rows
    } else {
      EXPECT_EQ(of_plan.bytes, bytes) << kind;
    }
  }
}

bool fits(const PlannedRun& run, const PlannedLayout& layout) {
  const comm::GridShape& grid = layout.grid;
  const bool divides = layout.ranks % (grid.tensor * grid.context * grid.pipeline * grid.expert) == 0;
  return divides && (run.ranks == 0 || run.ranks == layout.ranks);
}

std::unique_ptr<Trainer> trainer_of(const Config& config, const comm::GridGroups& groups) {
  const TrainerSettings settings = trainer_settings(config);
  auto trainer = std::make_unique<Trainer>(
      settings, groups,
      data::PrefetchingReader(data::StepReader(training_source(config, {}),
                                               reader_settings(config, settings.model, groups.data))));
  trainer->initialize();
  return trainer;
}

class Planned : public ::testing::TestWithParam<PlannedRun> {
 protected:
  void SetUp() override {
    if (!fits(GetParam(), layout_)) GTEST_SKIP() << "no such layout on these ranks";
  }

  const comm::Group world_ = comm::Group::world();
  const Config config_ = config_of(GetParam().keys, world_.size());
  const PlannedLayout layout_{world_.size(), comm::grid_shape(config_), comm::sharding(config_)};
};

TEST_P(Planned, IsWhatAStepTakes) {
  const Plan plan = PlannedWork(config_).plan(layout_);
  const comm::GridGroups groups(world_, comm::RankGrid(world_.size(), layout_.grid));
  const auto trainer = trainer_of(config_, groups);
  trainer->step();
  const Moved before = moved_by(groups);
  const nn::MemoryCount count;
  trainer->step();
  const StateBytes state = trainer->state_bytes();
  const Moved moved = difference(moved_by(groups), before);
  auto measured = static_cast<double>(state.parameters + state.gradients + state.optimizer + count.peak());
  world_.all_reduce_max(std::span(&measured, 1));
  EXPECT_NEAR(plan.memory.peak(), measured, 0.1 * measured)
      << "state " << state.parameters << " " << state.gradients << " " << state.optimizer << ", beside it "
      << count.peak();
  expect_planned(plan, moved, world_);
  if (world_.rank() != plan.rank) return;
  std::int64_t parameters = 0;
  for (const nn::Parameter& each : trainer->parameters().all()) parameters += each.count();
  EXPECT_EQ(plan.local_parameters, parameters);
}

// Layouts whose memory is not looked at.
class PlannedBytesOf : public Planned {};

TEST_P(PlannedBytesOf, AreWhatTheGroupsCount) {
  const Plan plan = PlannedWork(config_).plan(layout_);
  const comm::GridGroups groups(world_, comm::RankGrid(world_.size(), layout_.grid));
  const auto trainer = trainer_of(config_, groups);
  const Moved before = moved_by(groups);
  trainer->step();
  expect_planned(plan, difference(moved_by(groups), before), world_);
}

Layer with(Layer keys, const Layer& more) {
  keys.insert(keys.end(), more.begin(), more.end());
  return keys;
}

Layer tensor(const char* ranks) { return {{"model.tensor_model_parallel_size", ranks, "test"}}; }
Layer context(const char* ranks, const char* type) {
  return {{"model.context_parallel_size", ranks, "test"}, {"model.cp_comm_type", type, "test"}};
}
Layer experts(const char* ranks) { return {{"model.expert_model_parallel_size", ranks, "test"}}; }
Layer stages(const char* ranks) { return {{"model.pipeline_model_parallel_size", ranks, "test"}}; }
Layer key(const char* name, const char* value) { return {{name, value, "test"}}; }

const Layer kWan{{"model.family", "wan", "test"}, {"model.text_dim", "64", "test"}};
const Layer kMovieGen{{"model.family", "moviegen", "test"}, {"model.num_query_groups", "2", "test"}};
const Layer kStDit{{"model.family", "stdit", "test"}};

INSTANTIATE_TEST_SUITE_P(
    Of, PlannedBytesOf,
    ::testing::Values(
        PlannedRun{"Tensor", tensor("2")},
        PlannedRun{"UnevenTensorInFloat32", with(tensor("3"), key("train.precision", "fp32"))},
        PlannedRun{"WanTensorWithSelectiveRecomputation",
                   with(tensor("2"), {{"model.family", "wan", "test"},
                                      {"model.text_dim", "64", "test"},
                                      {"model.recompute_granularity", "selective", "test"},
                                      {"model.recompute_modules", "[\"core_attn\",\"mlp\"]", "test"}})},
        PlannedRun{"Ring", context("2", "p2p")},
        PlannedRun{"UnevenRingOfPackRemainders",
                   with(context("3", "p2p"), key("train.global_batch_size", "5"))},
        PlannedRun{"HeadsOfMovieGen", with(context("2", "a2a"), {{"model.family", "moviegen", "test"},
                                                                 {"model.num_query_groups", "2", "test"}})},
        PlannedRun{"HeadsAndRingOfStDit",
                   with(context("4", "a2a+p2p"),
                        {{"model.family", "stdit", "test"},
                         {"model.hierarchical_context_parallel_sizes", "[\"2\",\"2\"]", "test"}})},
        PlannedRun{"TensorRingFullRecomputation",
                   with(with(tensor("2"), context("2", "p2p")), key("model.recompute_granularity", "full"))},
        PlannedRun{"TensorFsdp", with(tensor("2"), key("ddp.use_megatron_fsdp", "true"))},
        PlannedRun{"TensorPipeline", with(tensor("2"), stages("2"))},
        PlannedRun{"FsdpPipelineOfChunks",
                   with(stages("2"), {{"model.virtual_pipeline_model_parallel_size", "2", "test"},
                                      {"model.num_layers", "7", "test"},
                                      {"model.recompute_granularity", "full", "test"},
                                      {"ddp.use_megatron_fsdp", "true", "test"}})},
        PlannedRun{"RingPipeline", with(context("2", "p2p"), stages("2"))},
        PlannedRun{"ExpertsInFloat32",
                   of_experts(with(with(tensor("2"), experts("2")), key("train.precision", "fp32")))},
        PlannedRun{"ExpertsOfRing", of_experts(with(context("2", "p2p"), experts("2")))},
        PlannedRun{"ExpertsByRank",
                   of_experts(with(with(tensor("2"), experts("2")), key("model.moe_routing_group", "rank")))},
        PlannedRun{"ExpertStages", of_experts(with(experts("2"), stages("2")))}),
    [](const auto& run) { return std::string(run.param.name); });

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
        PlannedRun{"PipelineWithFsdp",
                   {{"model.pipeline_model_parallel_size", "2", "test"},
                    {"model.num_layers", "6", "test"},
                    {"ddp.use_megatron_fsdp", "true", "test"}}},
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
        PlannedRun{"ExpertRanksOfTensorRanks",
                   of_experts({{"model.tensor_model_parallel_size", "2", "test"},
                               {"model.expert_model_parallel_size", "2", "test"}})},
        PlannedRun{"ExpertRanksWithFsdp", of_experts({{"model.expert_model_parallel_size", "2", "test"},
                                                      {"ddp.use_megatron_fsdp", "true", "test"}})},
        PlannedRun{
            "FewerSamplesThanFillAPack",
            {{"dataset.task_encoder_seq_length", "4096", "test"}, {"train.global_batch_size", "3", "test"}},
            1},
        PlannedRun{"ASampleOfRanksThatCouldPackMany",
                   {{"dataset.task_encoder_seq_length", "4096", "test"},
                    {"dataset.context_seq_len", "256", "test"},
                    {"train.global_batch_size", "2", "test"}},
                   2},
        PlannedRun{"APackThatIsDealtWhole",
                   {{"dataset.task_encoder_seq_length", "4096", "test"},
                    {"diffusion.noise_level", "per_pack", "test"},
                    {"train.global_batch_size", "2", "test"}},
                   2},
        PlannedRun{"Wan", kWan}, PlannedRun{"WanOfTensorRanks", with(kWan, tensor("2")), 2},
        PlannedRun{"TensorWithSelectiveRecomputation",
                   with(tensor("2"), {{"model.recompute_granularity", "selective", "test"},
                                      {"model.recompute_modules", "[\"core_attn\",\"mlp\"]", "test"}}),
                   2},
        PlannedRun{"DeeperWithFullRecomputationOfPairs",
                   {{"model.num_layers", "12", "test"},
                    {"model.recompute_granularity", "full", "test"},
                    {"model.recompute_num_layers", "2", "test"}},
                   1},
        PlannedRun{"MovieGenWithFullRecomputation",
                   with(kMovieGen, key("model.recompute_granularity", "full")), 1},
        PlannedRun{"MovieGenOfTensorRanks", with(kMovieGen, tensor("2")), 2},
        PlannedRun{"MovieGenWithFsdp", with(kMovieGen, key("ddp.use_megatron_fsdp", "true")), 2},
        PlannedRun{"DeeperMovieGenPipeline", with(with(kMovieGen, stages("2")), key("model.num_layers", "7")),
                   2},
        PlannedRun{"StDitOfVideos", with(kStDit, key("dataset.F_latents", "2")), 1},
        PlannedRun{"StDitPipeline", with(kStDit, stages("2")), 2},
        PlannedRun{"DeeperExperts", of_experts(key("model.num_layers", "8")), 1},
        PlannedRun{"ExpertStages", of_experts(stages("2")), 2}),
    [](const auto& run) { return std::string(run.param.name); });

}  // namespace
}  // namespace dfm::train
