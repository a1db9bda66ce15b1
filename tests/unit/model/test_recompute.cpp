// Activation checkpointing: the keys, the gradients (those of the network that keeps everything), and what it
// is for, less memory between forward and backward.
#include <gtest/gtest.h>

#include "config/keys.h"
#include "config/layers.h"
#include "model/recompute_plan.h"
#include "nn/memory_count.h"
#include "support/errors.h"
#include "unit/model/small_dit.h"

namespace dfm::model {
namespace {

using dfm::testing::error_of;
using dfm::testing::Normals;

RecomputePlan plan_of(const std::vector<std::pair<std::string, std::string>>& values) {
  Config config(all_keys());
  Layer layer;
  for (const auto& [key, value] : values) layer.push_back({key, value, "test"});
  config.apply(layer);
  return recompute_plan(config);
}

TEST(RecomputePlan, KeepsEverythingByDefault) {
  const RecomputePlan plan = plan_of({});
  EXPECT_FALSE(plan.core_attention || plan.mlp);
  EXPECT_TRUE(plan.groups.empty());
}

TEST(RecomputePlan, SelectiveTakesTheAttentionWhenNoModulesAreNamed) {
  const RecomputePlan plan = plan_of({{"model.recompute_granularity", "selective"}});
  EXPECT_TRUE(plan.core_attention);
  EXPECT_FALSE(plan.mlp);
}

TEST(RecomputePlan, UniformCoversAllBlocksAndTheLastGroupMayBeShort) {
  const RecomputePlan plan = plan_of({{"model.recompute_granularity", "full"},
                                      {"model.num_layers", "7"},
                                      {"model.recompute_num_layers", "3"}});
  EXPECT_EQ(plan.groups, (std::vector<std::int64_t>{3, 3, 1}));
}

TEST(RecomputePlan, BlockCoversTheFirstBlocksOneByOne) {
  const RecomputePlan plan = plan_of({{"model.recompute_granularity", "full"},
                                      {"model.recompute_method", "block"},
                                      {"model.recompute_num_layers", "2"}});
  EXPECT_EQ(plan.groups, (std::vector<std::int64_t>{1, 1}));
}

TEST(RecomputePlan, RefusesWhatWouldBeIgnored) {
  EXPECT_EQ(error_of([] { plan_of({{"model.recompute_modules", "mlp"}}); }).kind(), ExitCode::usage);
  EXPECT_EQ(error_of([] { plan_of({{"model.recompute_num_layers", "2"}}); }).kind(), ExitCode::usage);
  EXPECT_EQ(error_of([] {
              plan_of({{"model.recompute_granularity", "selective"}, {"model.recompute_modules", "moe"}});
            }).kind(),
            ExitCode::usage);
  EXPECT_EQ(error_of([] {
              plan_of({{"model.recompute_granularity", "full"}, {"model.recompute_method", "block"}});
            }).kind(),
            ExitCode::usage);
}

DitShape five_layers() {
  DitShape shape = small_shape(48, 3);
  shape.num_layers = 5;
  return shape;
}

PackedInput two_samples(const DitShape& shape, Normals normals) {
  return packed({network_input({3, 4, 5}, 13, shape, normals), network_input({1, 7, 3}, 2, shape, normals)});
}

struct NamedPlan {
  const char* name;
  RecomputePlan plan;
};

class RecomputedDit : public ::testing::TestWithParam<NamedPlan> {};

TEST_P(RecomputedDit, GivesTheOutputAndEveryGradientOfTheNetworkThatKeepsEverything) {
  const SmallDit keeping(five_layers()), recomputing(five_layers(), Normals(7), at::kFloat, GetParam().plan);
  const PackedInput pack = two_samples(five_layers(), Normals());
  const at::Tensor expected = keeping.dit.forward(pack.input, pack.layout);
  const at::Tensor ours = recomputing.dit.forward(pack.input, pack.layout);
  EXPECT_TRUE(ours.equal(expected));
  expected.square().sum().backward();
  ours.square().sum().backward();
  for (std::size_t i = 0; i < keeping.parameters.all().size(); ++i) {
    const nn::Parameter& parameter = keeping.parameters.all()[i];
    if (parameter.name == "affline_norm.weight") continue;
    EXPECT_LT(testing::relative_error(recomputing.parameters.all()[i].value.grad(), parameter.value.grad()),
              1e-6)
        << parameter.name;
  }
}

// What the graph holds between forward and backward.
std::int64_t bytes_kept(const RecomputePlan& plan) {
  const SmallDit model(five_layers(), Normals(7), at::kFloat, plan);
  Normals normals(11);
  const PackedInput pack = packed({network_input({4, 16, 16}, 8, five_layers(), normals)});
  const nn::MemoryCount count;
  const at::Tensor output = model.dit.forward(pack.input, pack.layout);
  return count.current();
}

TEST_P(RecomputedDit, KeepsLessBetweenForwardAndBackward) {
  EXPECT_LT(bytes_kept(GetParam().plan), 9 * bytes_kept({}) / 10);
}

TEST(RecomputedDit, KeepsLittleMoreThanTheInputsOfBlocksWhenAllAreRecomputed) {
  // A block keeps 27 times its input (counted in widths: 10 in self-attention, 6 in cross-attention, 11 in
  // the MLP), of which one is left.
  EXPECT_LT(bytes_kept({false, false, {1, 1, 1, 1, 1}}), bytes_kept({}) / 10);
}

INSTANTIATE_TEST_SUITE_P(Plans, RecomputedDit,
                         ::testing::Values(NamedPlan{"attention", {true, false, {}}},
                                           NamedPlan{"mlp", {false, true, {}}},
                                           NamedPlan{"both", {true, true, {}}},
                                           NamedPlan{"every_block", {false, false, {1, 1, 1, 1, 1}}},
                                           NamedPlan{"groups_of_two", {false, false, {2, 2, 1}}},
                                           NamedPlan{"first_two_blocks", {false, false, {1, 1}}}),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace dfm::model
