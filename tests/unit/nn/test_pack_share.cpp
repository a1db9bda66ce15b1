// What each rank has of a pack that several share.
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/pack.h"

namespace dfm::nn {
namespace {

using ::testing::ElementsAre;

const std::vector<std::int64_t> kTokens{7, 1, 12, 2};

PackLayout whole() { return {kTokens, {1, 2, 3, 4}}; }

std::int64_t sum(const std::vector<std::int64_t>& counts) {
  return std::reduce(counts.begin(), counts.end());
}

TEST(PackShare, OfOneRankIsTheWholePack) {
  const PackLayout layout = whole().share({});
  EXPECT_EQ(layout.token_counts(), kTokens);
  EXPECT_EQ(layout.attention_counts(), kTokens);
  EXPECT_EQ(layout.whole_counts(), kTokens);
  EXPECT_THAT(layout.tensor_row_counts(), ElementsAre(22));
}

TEST(PackShare, OfTensorRanksIsCutWithoutRegardToTheSamples) {
  const PackLayout layout = whole().share({.tensor_ranks = 3, .tensor_rank = 1});
  EXPECT_THAT(layout.tensor_row_counts(), ElementsAre(7, 7, 8));
  EXPECT_THAT(layout.token_counts(), ElementsAre(0, 1, 6, 0));
  EXPECT_THAT(layout.token_begins(), ElementsAre(0, 0, 1, 7, 7));
  EXPECT_EQ(layout.attention_counts(), kTokens);
}

TEST(PackShare, OfContextRanksHasSomeOfEverySample) {
  const PackLayout layout = whole().share({.context_ranks = 2, .context_rank = 1});
  EXPECT_THAT(layout.token_counts(), ElementsAre(4, 1, 6, 1));
  EXPECT_EQ(layout.attention_counts(), layout.token_counts());
  EXPECT_EQ(layout.counts_by_context_rank(),
            (std::vector<std::vector<std::int64_t>>{{3, 0, 6, 1}, {4, 1, 6, 1}}));
}

// Every row is on one rank, in the order that a gather over the tensor ranks gives back.
TEST(PackShare, DividesTheRowsOfThePack) {
  const at::Tensor rows = at::arange(sum(kTokens));
  std::vector<at::Tensor> all;
  for (int context = 0; context < 3; ++context) {
    std::vector<at::Tensor> share;
    for (int tensor = 0; tensor < 2; ++tensor) {
      const PackLayout layout = whole().share({3, context, 2, tensor});
      share.push_back(layout.own_rows(rows));
      EXPECT_EQ(share.back().size(0), layout.tokens());
      EXPECT_EQ(layout.tensor_row_counts()[static_cast<std::size_t>(tensor)], layout.tokens());
    }
    const PackLayout layout = whole().share({3, context, 2, 0});
    EXPECT_TRUE(at::equal(at::cat(share), layout.attention_rows(rows)));
    EXPECT_EQ(layout.attention_rows(rows).size(0), sum(layout.attention_counts()));
    all.push_back(at::cat(share));
  }
  EXPECT_TRUE(at::equal(whole().share({3, 0, 2, 0}).whole_rows(at::cat(all)), rows));
  EXPECT_TRUE(at::equal(std::get<0>(at::cat(all).sort()), rows));
}

TEST(PackShare, KeepsItsTokensWithOtherTexts) {
  const PackLayout layout = whole().share({.tensor_ranks = 2, .tensor_rank = 1});
  const PackLayout other = layout.with_text_counts({5, 5, 5, 5});
  EXPECT_EQ(other.text_rows(), 20);
  EXPECT_EQ(other.token_counts(), layout.token_counts());
  EXPECT_EQ(other.tensor_row_counts(), layout.tensor_row_counts());
}

}  // namespace
}  // namespace dfm::nn
