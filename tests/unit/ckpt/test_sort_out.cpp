// The names of other programs' checkpoints.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ckpt/import/foreign.h"
#include "support/errors.h"

namespace dfm::ckpt {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

Source source_of(const std::vector<std::string>& names) {
  Source source;
  for (const std::string& name : names) source.tensors.push_back({.name = name, .shape = {2, 3}});
  return source;
}

std::vector<std::string> sorted_out(const std::vector<std::string>& names,
                                    std::vector<std::string>* left_out = nullptr) {
  Source source = source_of(names);
  sort_out(source);
  std::vector<std::string> found;
  for (const SourceTensor& tensor : source.tensors) found.push_back(tensor.kind + ": " + tensor.name);
  if (left_out != nullptr) *left_out = source.left_out;
  return found;
}

TEST(SortOut, LeavesWhatIsNoWeightAside) {
  std::vector<std::string> left_out;
  EXPECT_THAT(sorted_out({"w", "optimizer.state.exp_avg.w", "chained_0.optimizer.x", "a._extra_state",
                          "rng_state/shard_0", "a._extra_state/shard_0_2"},
                         &left_out),
              ElementsAre("weights: w"));
  EXPECT_EQ(left_out.size(), 5U);
}

TEST(SortOut, TakesTheDictOffThatHoldsAllWeights) {
  EXPECT_THAT(sorted_out({"model.b", "model.a", "optimizer.x"}), ElementsAre("weights: a", "weights: b"));
  EXPECT_THAT(sorted_out({"model.a", "ema.a"}), ElementsAre("ema: a", "weights: a"));
}

TEST(SortOut, KeepsNamesThatOnlyBeginLikeADict) {
  EXPECT_THAT(sorted_out({"model.layers.0.w", "lm_head.w"}),
              ElementsAre("weights: lm_head.w", "weights: model.layers.0.w"));
  EXPECT_THAT(sorted_out({"optimizers_choice.w"}), ElementsAre("weights: optimizers_choice.w"));
}

TEST(SortOut, TwoTensorsOfOneNameAreADataError) {
  EXPECT_EQ(testing::error_of([] { sorted_out({"model.a", "module.a"}); }).kind(), ExitCode::data);
}

TEST(DivideStacks, MakesALayerOfEachPartAndReadsItThere) {
  Source source = source_of({"decoder.layers.mlp.w", "decoder.layers.0.b", "other.layers.w"});
  std::vector<std::int64_t> begins;
  source.tensors[0].read = [&begins](std::int64_t begin, std::span<std::byte>) { begins.push_back(begin); };
  divide_stacks(source);
  std::vector<std::string> names;
  for (const SourceTensor& tensor : source.tensors) names.push_back(tensor.name);
  EXPECT_THAT(names, UnorderedElementsAre("decoder.layers.0.mlp.w", "decoder.layers.1.mlp.w",
                                          "decoder.layers.0.b", "other.layers.w"));
  EXPECT_EQ(source.tensors[1].shape, (Shape{3}));
  source.tensors[1].read(2, {});
  EXPECT_THAT(begins, ElementsAre(5));
}

}  // namespace
}  // namespace dfm::ckpt
