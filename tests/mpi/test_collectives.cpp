// Collectives in a network: each against its definition, and its backward against the adjoint,
// <Ax, y> = <x, A'y> with inner products over the whole group.
#include <functional>
#include <numeric>

#include <gtest/gtest.h>

#include "nn/collectives.h"
#include "support/tensors.h"

namespace dfm::nn {
namespace {

using dfm::testing::Normals;

constexpr std::int64_t kWidth = 3;

class Collectives : public ::testing::TestWithParam<at::ScalarType> {
 protected:
  // 2, 0, 4, 1, ... rows of the ranks.
  RowCounts counts() const {
    static constexpr std::array<std::int64_t, 4> kCounts{2, 0, 4, 1};
    return {kCounts.begin(), kCounts.begin() + world_.size()};
  }
  std::int64_t mine() const { return counts()[static_cast<std::size_t>(world_.rank())]; }
  std::int64_t all() const {
    const RowCounts rows = counts();
    return std::reduce(rows.begin(), rows.end());
  }

  // Whole numbers, so that no sum rounds; another tensor on each rank, or the same.
  at::Tensor numbers(std::int64_t rows, std::uint64_t seed) const {
    Normals normals(seed);
    return (normals({rows, kWidth}) * 3).round().to(GetParam());
  }
  at::Tensor own(std::int64_t rows, std::uint64_t seed) const {
    return numbers(rows, seed + 100 * static_cast<std::uint64_t>(world_.rank()));
  }
  double over_group(const at::Tensor& a, const at::Tensor& b) const {
    double sum = (a.to(at::kDouble) * b.to(at::kDouble)).sum().item<double>();
    world_.all_reduce_sum(std::span(&sum, 1));
    return sum;
  }
  // once: which of the two is one tensor that all ranks have, and counts once.
  enum class Once { neither, result, argument };
  void expect_adjoint(const std::function<at::Tensor(const at::Tensor&)>& map, const at::Tensor& x,
                      const at::Tensor& y, Once once) const {
    const at::Tensor leaf = x.clone().requires_grad_(true);
    const at::Tensor result = map(leaf);
    ASSERT_EQ(result.sizes(), y.sizes());
    result.backward(y);
    const double left = over_group(result.detach(), y) / (once == Once::result ? world_.size() : 1);
    const double right = over_group(x, leaf.grad()) / (once == Once::argument ? world_.size() : 1);
    EXPECT_DOUBLE_EQ(left, right);
  }

  const comm::Group world_ = comm::Group::world();
};

TEST_P(Collectives, GatherRowsGivesAllRowsAndIsAdjoint) {
  const at::Tensor gathered = gather_rows(own(mine(), 1), counts(), world_);
  std::vector<at::Tensor> expected;
  for (int rank = 0; rank < world_.size(); ++rank) {
    expected.push_back(
        numbers(counts()[static_cast<std::size_t>(rank)], 1 + 100 * static_cast<std::uint64_t>(rank)));
  }
  EXPECT_TRUE(at::equal(gathered, at::cat(expected)));
  expect_adjoint([&](const at::Tensor& x) { return gather_rows(x, counts(), world_); }, own(mine(), 2),
                 own(all(), 3), Once::neither);
}

TEST_P(Collectives, ScatterSumRowsGivesTheSumOfMyRowsAndIsAdjoint) {
  const at::Tensor scattered = scatter_sum_rows(own(all(), 1), counts(), world_);
  at::Tensor sum = at::zeros({all(), kWidth});
  for (int rank = 0; rank < world_.size(); ++rank) {
    sum += numbers(all(), 1 + 100 * static_cast<std::uint64_t>(rank));
  }
  const RowCounts rows = counts();
  const auto begin = std::reduce(rows.begin(), rows.begin() + world_.rank());
  EXPECT_TRUE(at::equal(scattered, sum.narrow(0, begin, mine()).to(GetParam())));
  expect_adjoint([&](const at::Tensor& x) { return scatter_sum_rows(x, counts(), world_); }, own(all(), 2),
                 own(mine(), 3), Once::neither);
}

TEST_P(Collectives, SumOverGivesTheSumAndIsAdjoint) {
  at::Tensor sum = at::zeros({5, kWidth});
  for (int rank = 0; rank < world_.size(); ++rank) {
    sum += numbers(5, 1 + 100 * static_cast<std::uint64_t>(rank));
  }
  EXPECT_TRUE(at::equal(sum_over(own(5, 1), world_), sum.to(GetParam())));
  expect_adjoint([&](const at::Tensor& x) { return sum_over(x, world_); }, own(5, 2), numbers(5, 3),
                 Once::result);
}

TEST_P(Collectives, SharedByChangesNothingAndIsAdjoint) {
  EXPECT_TRUE(at::equal(shared_by(numbers(5, 1), world_), numbers(5, 1)));
  expect_adjoint([&](const at::Tensor& x) { return shared_by(x, world_); }, numbers(5, 2), own(5, 3),
                 Once::argument);
}

TEST_P(Collectives, ExchangeRowsIsUndoneByItselfAndIsAdjoint) {
  // Rank r sends (r + s) % 3 rows to rank s, which is what it receives from it.
  RowCounts between;
  for (int other = 0; other < world_.size(); ++other) between.push_back((world_.rank() + other) % 3);
  const std::int64_t rows = std::reduce(between.begin(), between.end());
  const auto map = [&](const at::Tensor& x) { return exchange_rows(x, between, between, world_); };
  const at::Tensor x = own(rows, 1);
  EXPECT_TRUE(at::equal(map(map(x)), x));
  expect_adjoint(map, own(rows, 2), own(rows, 3), Once::neither);
}

INSTANTIATE_TEST_SUITE_P(Of, Collectives, ::testing::Values(at::kFloat, at::kBFloat16),
                         [](const auto& dtype) { return std::string(at::toString(dtype.param)); });

}  // namespace
}  // namespace dfm::nn
