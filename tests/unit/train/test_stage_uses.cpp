// The order in which the stages of a pipeline use their blocks, written out for small networks.
#include <gtest/gtest.h>

#include "train/stage_uses.h"

namespace dfm::train {
namespace {

// "f2 b2": block 2 forward, then backward.
std::string text_of(const StageUses::Uses& uses) {
  std::string text;
  for (const model::BlockUse& use : uses) {
    text += (text.empty() ? "" : " ") + std::string(use.in == model::BlockUse::In::forward ? "f" : "b") +
            std::to_string(use.block);
  }
  return text;
}

constexpr nn::DepthCut kWhole{};

TEST(StageUses, WithoutAPipelineGoPackByPack) {
  const StageUses uses({}, kWhole, 3);
  EXPECT_EQ(text_of(uses.of_training(2)), "f0 f1 f2 b2 b1 b0 f0 f1 f2 b2 b1 b0");
  EXPECT_EQ(text_of(uses.of_forward()), "f0 f1 f2");
  EXPECT_EQ(text_of(uses.of_training(0)), "");
}

TEST(StageUses, OfARecomputedGroupGoForwardOnceMore) {
  const StageUses pairs({.groups = {2, 1}}, kWhole, 4);
  EXPECT_EQ(text_of(pairs.of_training(1)), "f0 f1 f2 f3 b3 f2 b2 f0 f1 b1 b0");
}

TEST(StageUses, OfAStageFollowItsSchedule) {
  EXPECT_EQ(text_of(StageUses({}, {.stages = 2, .stage = 0}, 3).of_training(3)), "f0 f0 b0 f0 b0 b0");
  EXPECT_EQ(text_of(StageUses({}, {.stages = 2, .stage = 1}, 3).of_training(2)), "f1 f2 b2 b1 f1 f2 b2 b1");
}

TEST(StageUses, OfInterleavedChunksAreTheirBlocks) {
  const StageUses last({}, {.stages = 2, .stage = 1, .chunks = 2}, 5);
  EXPECT_EQ(text_of(last.of_training(2)), "f1 f1 f3 f4 b4 b3 f3 f4 b4 b3 b1 b1");
  EXPECT_EQ(text_of(last.of_forward()), "f1 f3 f4");
}

// As the blocks of a chunk are run: its first ones in the groups of the plan, however many are left.
TEST(StageUses, RecomputeTheFirstBlocksOfEveryChunk) {
  const StageUses uses({.groups = {2, 2}}, {.stages = 2, .stage = 1}, 5);
  EXPECT_EQ(text_of(uses.of({.is_backward = true})), "f4 b4 f2 f3 b3 b2");
  const StageUses one({.groups = {1}}, {.stages = 2, .stage = 0, .chunks = 2}, 8);
  EXPECT_EQ(text_of(one.of({.is_backward = true, .chunk = 1})), "b5 f4 b4");
}

}  // namespace
}  // namespace dfm::train
