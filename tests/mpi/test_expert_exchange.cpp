// Rows to the ranks of their experts and back: who gets what, in which order, and the same for gradients.
#include <numeric>

#include <gtest/gtest.h>

#include "core/even_cut.h"
#include "mpi/moment.h"
#include "nn/expert_exchange.h"
#include "support/tensors.h"

namespace dfm::nn {
namespace {

using dfm::testing::Moment;

constexpr std::int64_t kWidth = 3;

// Rows of `expert` on a rank: some have none of some.
std::int64_t rows_of(int rank, std::int64_t expert) { return (rank * 3 + expert * 2) % 4; }

class ExpertExchangeOf : public ::testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override {
    if (GetParam() < world_.size()) GTEST_SKIP() << "has fewer experts than ranks";
  }

  std::int64_t experts() const { return GetParam(); }
  Range mine() const { return even_cut(experts(), world_.size(), world_.rank()); }
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

  Moment moment() const { return Moment(world_); }
  // The bytes of the rows for experts elsewhere.
  std::uint64_t bytes_leaving() const {
    std::int64_t rows = 0;
    for (std::int64_t expert = 0; expert < experts(); ++expert)
      rows += expert >= mine().begin && expert < mine().end() ? 0 : rows_of(world_.rank(), expert);
    return static_cast<std::uint64_t>(4 * kWidth * rows);
  }
  std::uint64_t waits_for_a_transfer() const {
    const RowCounts none(static_cast<std::size_t>(world_.size()), 0);
    const TravellingRows rows(at::empty({0, kWidth}), none, none, world_);
    const std::uint64_t before = moment().waits;
    rows.arrived();
    return moment().waits - before;
  }

  const comm::Group world_ = comm::Group::world();
};

at::Tensor as_they_are(const Range&, const at::Tensor& rows, const RowCounts&) { return rows; }

// Each row says for whom it is.
at::Tensor times_expert(const Range&, const at::Tensor& rows, const RowCounts&) {
  return rows * rows.detach().select(1, 1).unsqueeze(1);
}

TEST_P(ExpertExchangeOf, BringsEachExpertTheRowsOfAllRanksInTheirOrder) {
  std::int64_t asked = 0;
  ExpertExchange(counts_of(world_.rank()), world_)
      .through(rows_of_rank(world_.rank()), [&](const Range& some, const at::Tensor& rows,
                                                const RowCounts& counts) {
        EXPECT_EQ(some.begin, asked) << "of this rank's experts";
        asked = some.end();
        std::vector<at::Tensor> expected;
        RowCounts expected_counts;
        for (std::int64_t expert = mine().begin + some.begin; expert < mine().begin + some.end(); ++expert) {
          expected_counts.push_back(0);
          for (int rank = 0; rank < world_.size(); ++rank) {
            expected.push_back(rows_for(rank, expert));
            expected_counts.back() += rows_of(rank, expert);
          }
        }
        EXPECT_EQ(counts, expected_counts);
        EXPECT_TRUE(at::equal(rows, at::cat(expected)));
        return rows;
      });
  EXPECT_EQ(asked, mine().count);
}

TEST_P(ExpertExchangeOf, BringsEveryRowBackToItsPlace) {
  const at::Tensor rows = rows_of_rank(world_.rank());
  EXPECT_TRUE(at::equal(ExpertExchange(counts_of(world_.rank()), world_).through(rows, as_they_are), rows));
}

// Backward is the way back: experts that multiply by their number give gradients of their number.
TEST_P(ExpertExchangeOf, BringsGradientsBackToWhatTheyAreOf) {
  const at::Tensor rows = rows_of_rank(world_.rank()).requires_grad_(true);
  const at::Tensor back = ExpertExchange(counts_of(world_.rank()), world_).through(rows, times_expert);
  back.sum().backward();
  const at::Tensor expert = rows.detach().select(1, 1).unsqueeze(1);
  EXPECT_TRUE(at::equal(back.detach(), rows.detach() * expert));
  EXPECT_TRUE(at::equal(rows.grad(), expert.expand_as(rows)));
}

// Of its rows those for experts elsewhere, and how many they are; back those of others that came here.
TEST_P(ExpertExchangeOf, MovesOnlyWhatIsNotAtHome) {
  std::int64_t leaving = 0, visiting = 0;
  for (std::int64_t expert = 0; expert < experts(); ++expert) {
    const bool is_here = expert >= mine().begin && expert < mine().end();
    if (!is_here) leaving += rows_of(world_.rank(), expert);
    for (int rank = 0; is_here && rank < world_.size(); ++rank)
      visiting += rank == world_.rank() ? 0 : rows_of(rank, expert);
  }
  ExpertExchange(counts_of(world_.rank()), world_).through(rows_of_rank(world_.rank()), as_they_are);
  const std::int64_t numbers = experts() - mine().count;
  EXPECT_EQ(world_.traffic().all_to_all_bytes,
            static_cast<std::uint64_t>(8 * numbers + 4 * kWidth * (leaving + visiting)));
}

// When the experts of a wave are asked, all rows have left for them, and one wave more was waited for. The
// same with gradients, from the last wave on.
TEST_P(ExpertExchangeOf, ComputesOneWaveWhileOthersTravel) {
  if (world_.size() == 1 || experts() % world_.size() != 0) GTEST_SKIP() << "has no waves of all ranks";
  const ExpertExchange exchange(counts_of(world_.rank()), world_);
  const std::uint64_t one_wait = waits_for_a_transfer();
  std::vector<Moment> forward{moment()}, backward;
  const at::Tensor back = exchange.through(
      rows_of_rank(world_.rank()).requires_grad_(true),
      [&](const Range&, const at::Tensor& visitors, const RowCounts&) {
        forward.push_back(moment());
        const at::Tensor made = visitors * 2;
        made.register_hook([&](const at::Tensor& /*gradient*/) { backward.push_back(moment()); });
        return made;
      });
  backward.push_back(moment());
  back.sum().backward();
  const auto waves = static_cast<std::size_t>(std::min<std::int64_t>(4, mine().count));
  for (const auto& moments : {forward, backward}) {
    ASSERT_EQ(moments.size(), 1 + waves);
    EXPECT_EQ(moments[1].moved_bytes - moments[0].moved_bytes, bytes_leaving());
    for (std::size_t i = 1; i <= waves; ++i)
      EXPECT_EQ(moments[i].waits - moments[0].waits, i * one_wait) << "wave " << i;
  }
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
  const at::Tensor back = exchange.through(none, times_expert);
  back.sum().backward();
  EXPECT_EQ(back.sizes(), none.sizes());
  EXPECT_EQ(none.grad().sizes(), none.sizes());
}

INSTANTIATE_TEST_SUITE_P(Experts, ExpertExchangeOf, ::testing::Values(1, 4, 5, 8, 11, 12));

}  // namespace
}  // namespace dfm::nn
