// Experts that choose their tokens: how many, which, ties, groups, and the way back.
#include <limits>

#include <gtest/gtest.h>

#include "nn/expert_choice.h"
#include "support/tensors.h"

namespace dfm::nn {
namespace {

using Places = std::vector<std::int64_t>;

Places as_places(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<std::int64_t>(), tensor.const_data_ptr<std::int64_t>() + tensor.numel()};
}

TEST(ExpertCapacity, IsTheShareOfTheTokensTimesTheFactor) {
  EXPECT_EQ(expert_capacity(256, 64, 8), 32);
  EXPECT_EQ(expert_capacity(257, 64, 8), 32);
  EXPECT_EQ(expert_capacity(263, 64, 8), 32);
  EXPECT_EQ(expert_capacity(264, 64, 8), 33);
}

TEST(ExpertCapacity, IsNeverNoneNorMoreThanThereAre) {
  EXPECT_EQ(expert_capacity(3, 64, 8), 1);
  EXPECT_EQ(expert_capacity(3, 2, 8), 3);
  EXPECT_EQ(expert_capacity(0, 2, 8), 0);
}

TEST(Highest, AreInAscendingOrderOfTheirPlaces) {
  const std::vector<float> scores{0.5F, 0.9F, 0.1F, 0.7F};
  EXPECT_EQ(highest(scores, 2), (Places{1, 3}));
  EXPECT_EQ(highest(scores, 3), (Places{0, 1, 3}));
  EXPECT_EQ(highest(scores, 4), (Places{0, 1, 2, 3}));
  EXPECT_EQ(highest(scores, 0), Places{});
}

TEST(Highest, OfEqualScoresTheEarlierCountsMore) {
  EXPECT_EQ(highest(std::vector<float>(1000, 0.25F), 3), (Places{0, 1, 2}));
  EXPECT_EQ(highest(std::vector<float>{0.1F, 0.3F, 0.3F, 0.3F, 0.2F}, 2), (Places{1, 2}));
}

TEST(Highest, OfWhatIsNoNumberIsTakenLast) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(highest(std::vector<float>{nan, 0.1F, nan, 0.2F}, 2), (Places{1, 3}));
  EXPECT_EQ(highest(std::vector<float>{nan, 0.1F, nan, 0.2F}, 3), (Places{0, 1, 3}));
}

TEST(ChooseTokens, EachGroupGivesEveryExpertItsOwn) {
  const at::Tensor scores = at::tensor({0.9F, 0.1F, 0.8F, 0.2F, 0.3F, 0.7F, 0.6F, 0.4F}).view({4, 2});
  const Choice together = choose_tokens(scores, {4}, 1);
  EXPECT_EQ(as_places(together.tokens), (Places{0, 1, 2, 3}));
  const Choice apart = choose_tokens(scores, {2, 2}, 1);
  EXPECT_EQ(as_places(apart.tokens), (Places{0, 3, 1, 2}));
  EXPECT_EQ(as_places(apart.experts), (Places{0, 0, 1, 1}));
  EXPECT_EQ(apart.counts, (Places{2, 2}));
}

TEST(ChooseTokens, AgreesWithSortingEveryColumn) {
  dfm::testing::Normals normals(11);
  const at::Tensor scores = normals({97, 5}).softmax(1);
  const Choice choice = choose_tokens(scores, {97}, 2);  // 38 each
  const at::Tensor best = std::get<1>(scores.sort(true, 0, true)).narrow(0, 0, 38).t();
  EXPECT_TRUE(at::equal(choice.tokens.view({5, 38}), std::get<0>(best.sort(1))));
}

TEST(Choice, AmongSomeTokensKeepsTheirPicksByTheirNumbersThere) {
  const Choice choice{at::tensor(Places{0, 3, 1, 2}), at::tensor(Places{0, 0, 1, 1}), {2, 2}};
  const Choice some = choice.among(at::tensor(Places{0, 1, 3}), 4);
  EXPECT_EQ(as_places(some.tokens), (Places{0, 2, 1}));
  EXPECT_EQ(as_places(some.experts), (Places{0, 0, 1}));
  EXPECT_EQ(some.counts, (Places{2, 1}));
  EXPECT_EQ(choice.among(at::empty({0}, at::kLong), 4).counts, (Places{0, 0}));
}

TEST(Combined, IsTheWeightedSumOverTheExpertsThatTookAToken) {
  dfm::testing::Normals normals(12);
  const at::Tensor scores = normals({9, 3}).softmax(1);
  const Choice choice = choose_tokens(scores, {4, 5}, 1.5);
  const at::Tensor outputs = normals({choice.tokens.size(0), 6});
  at::Tensor expected = at::zeros({9, 6});
  for (std::int64_t i = 0; i < choice.tokens.size(0); ++i) {
    const auto token = choice.tokens[i].item<std::int64_t>(), expert = choice.experts[i].item<std::int64_t>();
    expected[token] += outputs[i] * scores[token][expert];
  }
  EXPECT_LT(dfm::testing::relative_error(combined(outputs, choice.weights(scores), choice, 9), expected),
            1e-6);
}

}  // namespace
}  // namespace dfm::nn
