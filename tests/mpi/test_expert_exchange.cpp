// Rows to the ranks of their experts and back: who gets what, in which order, and the same for gradients.
#include <numeric>

#include <gtest/gtest.h>

#include "core/even_cut.h"
#include "nn/expert_exchange.h"
#include "support/tensors.h"

namespace dfm::nn {
namespace {

constexpr std::int64_t kWidth = 3;

// Rows of `expert` on a rank: some have none of some.
std::int64_t rows_of(int rank, std::int64_t expert) { return (rank * 3 + expert * 2) % 4; }

class ExpertExchangeOf : public ::testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override {
    if (GetParam() < world_.size()) GTEST_SKIP() << "has fewer experts than ranks";
  }

  std::int64_t experts() const { return GetParam(); }
  RowCounts counts_of(int rank) const {
    RowCounts counts;
    for (std::int64_t expert = 0; expert < experts(); ++expert) counts.push_back(rows_of(rank, expert));
    return counts;
  }
  // Each row says whose it is, for which expert, and which of these.
  at::Tensor rows_of_rank(int rank) const {
    std::vector<at::Tensor> rows{at::empty({0, kWidth})};
    for (std::int64_t expert = 0; expert < experts(); ++expert) rows.push_back(rows_for(rank, expert));
    return at::cat(rows);
  }
  static at::Tensor rows_for(int rank, std::int64_t expert) {
    const at::Tensor rows = at::empty({rows_of(rank, expert), kWidth});
    rows.select(1, 0).fill_(rank);
    rows.select(1, 1).fill_(expert);
    rows.select(1, 2).copy_(at::arange(rows.size(0)));
    return rows;
  }

  const comm::Group world_ = comm::Group::world();
};

TEST_P(ExpertExchangeOf, BringsEachExpertTheRowsOfAllRanksInTheirOrder) {
  const ExpertExchange exchange(counts_of(world_.rank()), world_);
  const Range mine = even_cut(experts(), world_.size(), world_.rank());
  std::vector<at::Tensor> expected{at::empty({0, kWidth})};
  RowCounts counts;
  for (std::int64_t expert = mine.begin; expert < mine.end(); ++expert) {
    counts.push_back(0);
    for (int rank = 0; rank < world_.size(); ++rank) {
      expected.push_back(rows_for(rank, expert));
      counts.back() += rows_of(rank, expert);
    }
  }
  EXPECT_EQ(exchange.counts(), counts);
  EXPECT_TRUE(at::equal(exchange.to_experts(rows_of_rank(world_.rank())), at::cat(expected)));
}

TEST_P(ExpertExchangeOf, BringsEveryRowBackToItsPlace) {
  const ExpertExchange exchange(counts_of(world_.rank()), world_);
  const at::Tensor rows = rows_of_rank(world_.rank());
  EXPECT_TRUE(at::equal(exchange.from_experts(exchange.to_experts(rows)), rows));
}

// Backward is the way back: experts that multiply by their number give gradients of their number.
TEST_P(ExpertExchangeOf, BringsGradientsBackToWhatTheyAreOf) {
  const ExpertExchange exchange(counts_of(world_.rank()), world_);
  const at::Tensor rows = rows_of_rank(world_.rank()).requires_grad_(true);
  const at::Tensor there = exchange.to_experts(rows);
  const at::Tensor back = exchange.from_experts(there * there.detach().select(1, 1).unsqueeze(1));
  back.sum().backward();
  const at::Tensor expert = rows.detach().select(1, 1).unsqueeze(1);
  EXPECT_TRUE(at::equal(back.detach(), rows.detach() * expert));
  EXPECT_TRUE(at::equal(rows.grad(), expert.expand_as(rows)));
}

// Of its rows those for experts elsewhere, and how many they are; back those of others that came here.
TEST_P(ExpertExchangeOf, MovesOnlyWhatIsNotAtHome) {
  const Range mine = even_cut(experts(), world_.size(), world_.rank());
  std::int64_t leaving = 0, visiting = 0;
  for (std::int64_t expert = 0; expert < experts(); ++expert) {
    const bool is_here = expert >= mine.begin && expert < mine.end();
    if (!is_here) leaving += rows_of(world_.rank(), expert);
    for (int rank = 0; is_here && rank < world_.size(); ++rank)
      visiting += rank == world_.rank() ? 0 : rows_of(rank, expert);
  }
  const ExpertExchange exchange(counts_of(world_.rank()), world_);
  exchange.from_experts(exchange.to_experts(rows_of_rank(world_.rank())));
  const std::int64_t numbers = experts() - mine.count;
  EXPECT_EQ(world_.traffic().all_to_all_bytes,
            static_cast<std::uint64_t>(8 * numbers + 4 * kWidth * (leaving + visiting)));
}

// Tensor ranks that each have a part of all experts: what all make of a row is added up where it came from.
TEST_P(ExpertExchangeOf, GathersTheRowsOfTensorRanksAndGivesEachTheSumsOfItsOwn) {
  const TensorExperts together(counts_of(world_.rank()), world_);
  const at::Tensor rows = rows_of_rank(world_.rank());
  std::vector<at::Tensor> expected{at::empty({0, kWidth})};
  for (std::int64_t expert = 0; expert < experts(); ++expert)
    for (int rank = 0; rank < world_.size(); ++rank) expected.push_back(rows_for(rank, expert));
  const at::Tensor gathered = together.gather(rows);
  EXPECT_TRUE(at::equal(gathered, at::cat(expected)));
  std::int64_t count = 0;
  for (const std::int64_t each : together.counts()) count += each;
  EXPECT_EQ(count, gathered.size(0));
  const at::Tensor part = gathered * (world_.rank() + 1);
  const int factors = world_.size() * (world_.size() + 1) / 2;
  EXPECT_TRUE(at::equal(together.scatter_sums(part), rows * factors));
}

TEST_P(ExpertExchangeOf, WorksWithoutAnyRows) {
  const ExpertExchange exchange(RowCounts(static_cast<std::size_t>(experts()), 0), world_);
  const at::Tensor none = at::empty({0, kWidth}).requires_grad_(true);
  const at::Tensor back = exchange.from_experts(exchange.to_experts(none));
  back.sum().backward();
  EXPECT_EQ(back.sizes(), none.sizes());
  EXPECT_EQ(none.grad().sizes(), none.sizes());
}

INSTANTIATE_TEST_SUITE_P(Experts, ExpertExchangeOf, ::testing::Values(1, 4, 5, 8, 11));

}  // namespace
}  // namespace dfm::nn
