// FSDP, and what lies between it and no sharding: the numbers of one rank, how much is in memory, how much is
// moved, and that a state goes from one way of dividing it to another.
#include <optional>

#include <gtest/gtest.h>

#include "ckpt/saver.h"
#include "mpi/layout_rows.h"
#include "mpi/newest_valid.h"
#include "mpi/one_rank_alone.h"
#include "mpi/shared_folder.h"
#include "train/validation.h"
#include "unit/train/odd_parameters.h"
#include "unit/train/tiny_training.h"

namespace dfm::train {
namespace {

using comm::Sharding;
using dfm::testing::Alone;
using dfm::testing::SharedFolder;

constexpr std::int64_t kBlocks = 5;

TrainerSettings settings_of(Sharding sharding, at::ScalarType dtype = at::kFloat) {
  TrainerSettings settings = tiny_settings(dtype);
  model::DitShape shape = tiny_model();
  shape.num_layers = kBlocks;
  settings.model = model::dit_spec(shape);
  settings.sharding = sharding;
  settings.adam.ema_decay = 0.9;
  return settings;
}

std::unique_ptr<Trainer> started(const TrainerSettings& settings, const comm::GridGroups& groups,
                                 std::int64_t batch = kTinyBatch) {
  data::StepReaderSettings of_reader = tiny_reader_settings(groups.data);
  of_reader.global_batch_size = batch;
  auto made = std::make_unique<Trainer>(settings, groups, reader(tiny_source(), of_reader));
  made->initialize();
  return made;
}

// Elements with their padding: outside of blocks, and of each block.
struct Sizes {
  std::int64_t outside = 0, block = 0;
};

Sizes sizes_of(const nn::ParameterList& parameters) {
  return {parameters.units().at(0).buffer.numel(), parameters.units().at(1).buffer.numel()};
}

class Fsdp : public ::testing::Test {
 protected:
  // Collective.
  std::int64_t sum(std::int64_t value) const {
    world_.all_reduce_sum(std::span(&value, 1));
    return value;
  }
  ckpt::Listed saved(const Trainer& from) const {
    ckpt::Manifest manifest;
    manifest.step = from.steps_done();
    manifest.consumed_samples = from.consumed_samples();
    ckpt::Saver(world_, {.root = folder_.path(), .retention = {}}).save_now(manifest, from.pieces());
    return dfm::testing::newest_valid(world_, folder_.path()).value();
  }

  const comm::Group world_ = comm::Group::world();
  const comm::GridGroups groups_{world_, comm::RankGrid(world_.size(), {})};
  const Alone alone_{world_};
  const SharedFolder folder_{world_};
};

// The most blocks in memory at any time of two steps. What is outside of blocks is always there.
std::size_t most_blocks_there(Trainer& ours) {
  std::size_t most = 0;
  nn::BlockHooks& hooks = *ours.parameters().block_hooks();
  for (auto* const hook : {&hooks.before_forward, &hooks.before_backward, &hooks.after_backward}) {
    *hook = [&, inner = *hook](std::size_t block) {
      inner(block);
      std::size_t there = 0;
      for (const nn::ParameterUnit& unit : ours.parameters().units()) {
        there += unit.buffer.storage().data() != nullptr ? 1 : 0;
      }
      most = std::max(most, there - 1);
    };
  }
  ours.step();
  ours.step();
  return most;
}

TEST_F(Fsdp, HasTwoBlocksAtMostInMemoryAtAnyTime) {
  const auto ours = started(settings_of(Sharding::parameters), groups_);
  EXPECT_EQ(most_blocks_there(*ours), 2U);
  EXPECT_EQ(ours->most_gathered(), 2U);
}

// Every element of the state is on one rank, and of the parameters two blocks and what is outside of blocks.
TEST_F(Fsdp, DividesTheStateByTheRanks) {
  const auto ours = started(settings_of(Sharding::parameters), groups_);
  ours->step();
  const Sizes sizes = sizes_of(ours->parameters());
  const std::int64_t all = sizes.outside + kBlocks * sizes.block;
  const StateBytes bytes = ours->state_bytes();
  EXPECT_EQ(bytes.parameters, 4 * (sizes.outside + 2 * sizes.block));
  EXPECT_EQ(sum(bytes.gradients), 4 * all);
  EXPECT_EQ(sum(bytes.optimizer), 4 * 4 * all);  // master weights, two moments, average
  const std::int64_t rounding = 1 + kBlocks;     // an element a bucket
  EXPECT_LE(bytes.gradients, 4 * (all / world_.size() + rounding));
  EXPECT_LE(bytes.optimizer, 4 * 4 * (all / world_.size() + rounding));
}

// A pass gathers every block on its way forward, and on its way back those that are not there any more: two
// still are, and so are two when the next pass begins.
std::int64_t gathers_of_blocks(std::int64_t passes) { return kBlocks + (2 * passes - 1) * (kBlocks - 2); }

TEST_F(Fsdp, MovesNoMoreThanTwoBlocksInMemoryNeed) {
  for (const std::int64_t batch : {std::int64_t{1}, kTinyBatch}) {
    const auto ours = started(settings_of(Sharding::parameters, at::kBFloat16), groups_, batch);
    data::StepReader plans(tiny_source(), [&] {
      data::StepReaderSettings of_reader = tiny_reader_settings(groups_.data);
      of_reader.global_batch_size = batch;
      return of_reader;
    }());
    auto passes = static_cast<std::int64_t>(plans.plan(0).packs);
    world_.all_reduce_max(std::span(&passes, 1));
    const comm::Traffic before = groups_.shard.traffic();
    ours->step();
    const comm::Traffic after = groups_.shard.traffic();
    const Sizes sizes = sizes_of(ours->parameters());
    EXPECT_EQ(after.all_gather_bytes - before.all_gather_bytes,
              static_cast<std::uint64_t>(2 * (sizes.outside + gathers_of_blocks(passes) * sizes.block)));
    EXPECT_EQ(after.reduce_scatter_bytes - before.reduce_scatter_bytes,
              static_cast<std::uint64_t>(4 * (sizes.outside + passes * kBlocks * sizes.block)));
  }
}

TEST_F(Fsdp, OfGradientsAloneGathersEveryBlockOnceAStep) {
  const auto ours = started(settings_of(Sharding::gradients), groups_);
  const comm::Traffic before = groups_.shard.traffic();
  ours->step();
  const Sizes sizes = sizes_of(ours->parameters());
  EXPECT_EQ(groups_.shard.traffic().all_gather_bytes - before.all_gather_bytes,
            static_cast<std::uint64_t>(4 * (sizes.outside + kBlocks * sizes.block)));
}

// One sample a step: all ranks but one have nothing to compute.
TEST_F(Fsdp, GoesOnWhereMostRanksHaveNoPack) {
  const auto ours = started(settings_of(Sharding::parameters), groups_, 1);
  const auto one = started(settings_of(Sharding::optimizer), alone_.groups(), 1);
  for (int i = 0; i < 4; ++i) {
    const StepResult mine = ours->step(), expected = one->step();
    EXPECT_NEAR(mine.loss, expected.loss, 1e-5 * expected.loss) << "step " << mine.step;
    EXPECT_NEAR(mine.gradient_norm, expected.gradient_norm, 1e-5 * expected.gradient_norm);
  }
}

TEST_F(Fsdp, InBfloat16FollowsZeRO1) {
  const auto ours = started(settings_of(Sharding::parameters, at::kBFloat16), groups_);
  const auto whole = started(settings_of(Sharding::optimizer, at::kBFloat16), groups_);
  for (int i = 0; i < 4; ++i) {
    const StepResult mine = ours->step(), expected = whole->step();
    EXPECT_NEAR(mine.loss, expected.loss, 1e-3 * expected.loss) << "step " << mine.step;
    EXPECT_NEAR(mine.gradient_norm, expected.gradient_norm, 1e-2 * expected.gradient_norm);
  }
}

TEST_F(Fsdp, ValidatesAsOneRankDoesAlsoBetweenSteps) {
  const auto ours = started(settings_of(Sharding::parameters), groups_);
  const auto one = started(settings_of(Sharding::optimizer), alone_.groups());
  for (int i = 0; i < 2; ++i) {
    const auto objective = diffusion::edm_objective({});
    const auto mine = validate(ours->network(), tiny_source(), {5, 16, 4}, objective, groups_);
    const auto expected = validate(one->network(), tiny_source(), {5, 16, 4}, objective, alone_.groups());
    EXPECT_NEAR(mine.loss, expected.loss, 1e-5 * expected.loss);
    ours->step();
    one->step();
  }
}

TEST_F(Fsdp, GoesOnFromACheckpointWithTheSameBits) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const auto first = started(settings_of(Sharding::parameters, dtype), groups_);
    first->step();
    first->step();
    const auto second = started(settings_of(Sharding::parameters, dtype), groups_);
    second->load(saved(*first));
    for (int i = 0; i < 2; ++i) {
      const StepResult expected = first->step(), mine = second->step();
      EXPECT_EQ(mine.loss, expected.loss);
      EXPECT_EQ(mine.gradient_norm, expected.gradient_norm);
    }
    world_.barrier();
  }
}

// From each way of dividing the state to each other: the same five losses.
TEST_F(Fsdp, ExchangesCheckpointsWithTheOtherWays) {
  const comm::GridGroups copied(world_, comm::RankGrid(world_.size(), {.shard_copies = world_.size()}));
  struct Way {
    Sharding sharding;
    const comm::GridGroups& groups;
  };
  const std::array ways{Way{Sharding::optimizer, groups_}, Way{Sharding::parameters, groups_},
                        Way{Sharding::parameters, copied}, Way{Sharding::gradients, groups_}};
  for (std::size_t i = 0; i < ways.size(); ++i) {
    const Way &from = ways[i], &to = ways[(i + 1) % ways.size()];
    const auto first = started(settings_of(from.sharding), from.groups);
    for (std::size_t step = 0; step <= i; ++step) first->step();  // a checkpoint newer than the last
    const auto second = started(settings_of(to.sharding), to.groups);
    second->load(saved(*first));
    for (int step = 0; step < 5; ++step) {
      const StepResult expected = first->step(), mine = second->step();
      EXPECT_NEAR(mine.loss, expected.loss, 1e-6 * expected.loss) << "way " << i;
    }
    world_.barrier();
  }
}

// FSDP within each of two stages, whose chunks of the five blocks are uneven.
class FsdpOfStages : public Fsdp {
 protected:
  void SetUp() override {
    if (world_.size() % 2 != 0) GTEST_SKIP() << "needs an even number of ranks";
    stages_.emplace(world_, comm::RankGrid(world_.size(), {.pipeline = 2, .pipeline_chunks = 2}));
  }
  const comm::GridGroups& stages() const { return *stages_; }

 private:
  std::optional<comm::GridGroups> stages_;
};

TEST_F(FsdpOfStages, HasTwoBlocksAtMostInMemoryAtAnyTime) {
  const auto ours = started(settings_of(Sharding::parameters), stages());
  EXPECT_EQ(most_blocks_there(*ours), 2U);
  EXPECT_EQ(ours->most_gathered(), 2U);
}

TEST_F(FsdpOfStages, OfGradientsAloneGathersEveryBlockOnceAStep) {
  const auto ours = started(settings_of(Sharding::gradients), stages());
  const comm::Traffic before = stages().shard.traffic();
  ours->step();
  std::int64_t elements = 0;
  for (const nn::ParameterUnit& unit : ours->parameters().units()) elements += unit.buffer.numel();
  EXPECT_EQ(stages().shard.traffic().all_gather_bytes - before.all_gather_bytes,
            static_cast<std::uint64_t>(4 * elements));
}

// One sample a step, and three: one of the replicas has nothing to compute, or less than another.
TEST_F(FsdpOfStages, GoesOnWhereAReplicaHasFewerPacks) {
  for (const std::int64_t batch : {1, 3}) {
    const auto ours = started(settings_of(Sharding::parameters), stages(), batch);
    const auto one = started(settings_of(Sharding::optimizer), alone_.groups(), batch);
    for (int i = 0; i < 4; ++i) {
      const StepResult mine = ours->step(), expected = one->step();
      EXPECT_NEAR(mine.loss, expected.loss, 1e-5 * expected.loss) << "step " << mine.step;
      EXPECT_NEAR(mine.gradient_norm, expected.gradient_norm, 1e-5 * expected.gradient_norm);
    }
  }
}

TEST_F(FsdpOfStages, InBfloat16FollowsZeRO1) {
  const auto ours = started(settings_of(Sharding::parameters, at::kBFloat16), stages());
  const auto whole = started(settings_of(Sharding::optimizer, at::kBFloat16), stages());
  for (int i = 0; i < 4; ++i) {
    const StepResult mine = ours->step(), expected = whole->step();
    EXPECT_NEAR(mine.loss, expected.loss, 1e-3 * expected.loss) << "step " << mine.step;
    EXPECT_NEAR(mine.gradient_norm, expected.gradient_norm, 1e-2 * expected.gradient_norm);
  }
}

TEST_F(FsdpOfStages, ValidatesAsOneRankDoesAlsoBetweenSteps) {
  const auto ours = started(settings_of(Sharding::parameters), stages());
  const auto one = started(settings_of(Sharding::optimizer), alone_.groups());
  for (int i = 0; i < 2; ++i) {
    const auto objective = diffusion::edm_objective({});
    const auto mine = validate(ours->network(), tiny_source(), {3, 16, 4}, objective, stages());
    const auto expected = validate(one->network(), tiny_source(), {3, 16, 4}, objective, alone_.groups());
    EXPECT_NEAR(mine.loss, expected.loss, 1e-5 * expected.loss);
    ours->step();
    one->step();
  }
}

TEST_F(FsdpOfStages, GoesOnFromACheckpointWithTheSameBits) {
  const auto first = started(settings_of(Sharding::parameters), stages());
  first->step();
  const auto second = started(settings_of(Sharding::parameters), stages());
  second->load(saved(*first));
  for (int i = 0; i < 2; ++i) {
    const StepResult expected = first->step(), mine = second->step();
    EXPECT_EQ(mine.loss, expected.loss);
    EXPECT_EQ(mine.gradient_norm, expected.gradient_norm);
  }
}

// What starts at zero or one starts at random, so that every gradient is there from the first step on.
model::BackboneSpec disturbed(model::BackboneSpec spec) {
  spec.build = [build = spec.build](nn::ParameterList& parameters) {
    model::Backbone network = build(parameters);
    for (const nn::Parameter& each : parameters.all()) {
      if (each.init.kind == nn::Init::Kind::normal) continue;
      const bool is_scale = each.init.kind == nn::Init::Kind::ones;
      const_cast<nn::Parameter&>(each).init = nn::Init::normal(is_scale ? 1 : 0.1);
    }
    return network;
  };
  return spec;
}

// Each of our pieces against the same elements on one rank, tensor by tensor over the ranks.
void expect_moments_of(const Trainer& one, const Trainer& ours, const comm::Group& world) {
  const auto whole = one.pieces(), parts = ours.pieces();
  for (const nn::Parameter& parameter : one.parameters().all()) {
    const at::Tensor expected = from_pieces(whole, ckpt::kFirstMoment, parameter.name);
    std::array sums{0.0, 0.0};  // squared error, elements
    for (const ckpt::Piece& piece : parts) {
      if (piece.kind != ckpt::kFirstMoment || piece.parameter != parameter.name) continue;
      const Stripe stripe = piece.stripe.value_or(dfm::whole(expected.numel()));
      for (std::size_t i = 0; i < piece.values.size(); ++i) {
        const std::int64_t at = stripe.global(piece.begin + static_cast<std::int64_t>(i));
        sums[0] += std::pow(piece.values[i] - expected.const_data_ptr<float>()[at], 2);
      }
      sums[1] += static_cast<double>(piece.values.size());
    }
    world.all_reduce_sum(std::span<double>(sums));
    EXPECT_EQ(sums[1], static_cast<double>(expected.numel())) << parameter.name << " is not there once";
    EXPECT_LE(std::sqrt(sums[0]), 1e-5 * expected.norm().item<double>()) << parameter.name;
  }
}

struct ShardedRow {
  const char* name;
  int ranks;  // 0: any number
  const char* family;
  comm::GridShape grid;
  Sharding sharding = Sharding::parameters;
  model::RecomputePlan recompute = {};
};

class ShardedNumbers : public Fsdp, public ::testing::WithParamInterface<ShardedRow> {
 protected:
  static TrainerSettings settings() {
    TrainerSettings settings = tiny_settings();
    if (GetParam().family != nullptr) {
      settings.model = disturbed(awkward_model(GetParam().family));
      return settings;
    }
    model::DitShape shape = tiny_model();
    shape.num_layers = kBlocks;
    settings.model = disturbed(model::dit_spec(shape, GetParam().recompute));
    return settings;
  }
};

TEST_P(ShardedNumbers, AreTheLossesAndEveryGradientOfOneRank) {
  const ShardedRow& row = GetParam();
  if (row.ranks != 0 && row.ranks != world_.size()) GTEST_SKIP() << "needs " << row.ranks << " ranks";
  const comm::GridGroups groups(world_, comm::RankGrid(world_.size(), row.grid));
  TrainerSettings sharded = settings();
  sharded.sharding = row.sharding;
  const auto ours = started(sharded, groups), one = started(settings(), alone_.groups());
  for (int i = 0; i < 20; ++i) {
    const StepResult mine = ours->step(), expected = one->step();
    EXPECT_NEAR(mine.loss, expected.loss, 1e-5 * expected.loss) << "step " << mine.step;
    if (i == 0) expect_moments_of(*one, *ours, world_);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Of, ShardedNumbers,
    ::testing::Values(
        ShardedRow{"Fsdp", 0, nullptr, {}}, ShardedRow{"ZeRO2", 0, nullptr, {}, Sharding::gradients},
        ShardedRow{"NotDivided", 0, nullptr, {.shard_copies = 0}, Sharding::none},
        ShardedRow{"CopiesOfFsdp", 4, nullptr, {.shard_copies = 2}},
        ShardedRow{"CopiesOfZeRO1", 4, nullptr, {.shard_copies = 2}, Sharding::optimizer},
        ShardedRow{"CopiesOfEcDitExpert2", 4, "EcDit", {.expert = 2, .shard_copies = 2}},
        ShardedRow{"EcDitExpert2NotDivided", 4, "EcDit", {.expert = 2, .shard_copies = 0}, Sharding::none},
        ShardedRow{"MlpAgain", 2, nullptr, {}, Sharding::parameters, {.mlp = true, .groups = {}}},
        ShardedRow{
            "AttentionAgain", 2, nullptr, {}, Sharding::parameters, {.core_attention = true, .groups = {}}},
        ShardedRow{"EveryBlockAgain", 2, nullptr, {}, Sharding::parameters, {.groups = {1, 1, 1, 1, 1}}},
        ShardedRow{"PairsAgain", 3, nullptr, {}, Sharding::parameters, {.groups = {2, 2, 1}}},
        ShardedRow{
            "CopiesOfZeRO2OfStages", 4, nullptr, {.pipeline = 2, .shard_copies = 2}, Sharding::gradients},
        ShardedRow{
            "PairsOfStagesAgain", 4, nullptr, {.pipeline = 2}, Sharding::parameters, {.groups = {2, 2, 1}}},
        ShardedRow{"SomeBlocksAgain", 2, nullptr, {}, Sharding::parameters, {.groups = {1, 1}}}),
    [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace dfm::train
