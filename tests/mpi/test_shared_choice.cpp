// Experts that choose among the tokens of a pack which ranks share: the tokens of one rank alone, each on the
// rank that has it.
#include <algorithm>
#include <numeric>
#include <set>

#include <gtest/gtest.h>

#include "nn/collectives.h"
#include "nn/shared_choice.h"
#include "support/tensors.h"

namespace dfm::nn {
namespace {

using Picks = std::set<std::pair<std::int64_t, std::int64_t>>;  // expert, row of the whole pack

constexpr std::int64_t kExperts = 5;

// One sample has fewer tokens than there are ranks.
PackLayout whole_pack() { return {{17, 2, 30, 41, 1}, {1, 1, 1, 1, 1}}; }

// With some that are equal: of these the earlier token's counts more, wherever it is.
at::Tensor whole_scores() {
  dfm::testing::Normals normals(21);
  const at::Tensor scores = normals({91, kExperts}).softmax(1);
  return (scores * 20).round() / 20;
}

Picks picks_of(const Choice& choice, const at::Tensor& rows) {
  Picks picks;
  for (std::int64_t i = 0; i < choice.tokens.numel(); ++i) {
    const auto row = rows[choice.tokens[i].item<std::int64_t>()].item<std::int64_t>();
    picks.emplace(choice.experts[i].item<std::int64_t>(), row);
  }
  return picks;
}

struct Case {
  const char* name;
  int tensor_of_4;  // ranks, where there are four; else the context ranks are all
  RoutingGroup group;
};

class SharedChoice : public ::testing::TestWithParam<Case> {
 protected:
  SharedChoice() : grid_(world_.size(), shape()), groups_(world_, grid_) {}

  comm::GridShape shape() const {
    const int tensor = world_.size() == 4 ? GetParam().tensor_of_4 : 1;
    return {.tensor = tensor, .context = world_.size() / tensor};
  }
  ModelParallel parallel() const { return model_parallel(groups_); }
  // Of the tokens in the share of this rank's tensor ranks.
  Choice chosen(const PackLayout& layout, const ChoiceRule& rule) const {
    return choose_in_share(layout.attention_rows(whole_scores()), layout, rule, parallel());
  }

  const comm::Group world_ = comm::Group::world();
  const comm::RankGrid grid_;
  const comm::GridGroups groups_;
};

TEST_P(SharedChoice, IsThatOfOneRank) {
  const PackLayout layout = whole_pack().share(parallel().sequence_cut());
  const ChoiceRule rule{GetParam().group, 2};
  const at::Tensor all = at::arange(91), share = layout.attention_rows(all);
  const Picks alone = picks_of(choose_in_share(whole_scores(), whole_pack(), rule, {}), all);
  Picks expected;
  for (const auto& [expert, row] : alone) {
    if (share.eq(row).any().item<bool>()) expected.emplace(expert, row);
  }
  const Choice ours = chosen(layout, rule);
  EXPECT_EQ(picks_of(ours, share), expected);
  EXPECT_EQ(std::reduce(ours.counts.begin(), ours.counts.end()), ours.tokens.numel());
  auto sum = static_cast<std::int64_t>(expected.size());
  groups_.context.all_reduce_sum(std::span(&sum, 1));
  EXPECT_EQ(sum, static_cast<std::int64_t>(alone.size())) << "every pick is on one context rank";
}

TEST_P(SharedChoice, IsInTheOrderOfExpertsAndTokens) {
  const PackLayout layout = whole_pack().share(parallel().sequence_cut());
  const Choice ours = chosen(layout, {GetParam().group, 2});
  const at::Tensor order = ours.experts * 91 + ours.tokens;
  EXPECT_TRUE(at::equal(std::get<0>(order.sort()), order));
  for (std::int64_t expert = 0; expert < kExperts; ++expert) {
    EXPECT_EQ(ours.experts.eq(expert).sum().item<std::int64_t>(),
              ours.counts.at(static_cast<std::size_t>(expert)));
  }
}

// As the reference: what a rank has is all there is to choose among.
TEST_P(SharedChoice, ByRankIsThatOfItsRowsAlone) {
  const PackLayout layout = whole_pack().share(parallel().sequence_cut());
  const Choice ours = chosen(layout, {RoutingGroup::rank, 2});
  const at::Tensor rows = layout.attention_rows(at::arange(91));
  Picks expected;
  std::int64_t begin = 0;
  for (const std::int64_t count : layout.tensor_row_counts()) {
    const at::Tensor of_rank = rows.narrow(0, begin, count);
    expected.merge(picks_of(choose_tokens(whole_scores().index_select(0, of_rank), {count}, 2), of_rank));
    begin += count;
  }
  EXPECT_EQ(picks_of(ours, rows), expected);
}

INSTANTIATE_TEST_SUITE_P(Of, SharedChoice,
                         ::testing::Values(Case{"ContextRanksInASample", 1, RoutingGroup::sample},
                                           Case{"ContextRanksInAPack", 1, RoutingGroup::pack},
                                           Case{"BothInASample", 2, RoutingGroup::sample},
                                           Case{"BothInAPack", 2, RoutingGroup::pack}),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace dfm::nn
