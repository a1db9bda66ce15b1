#include "nn/expert_runs.h"

#include <numeric>

namespace dfm::nn {
namespace {

// A matrix of `rows` rows, transposed.
template <class Value>
std::vector<Value> transposed(const std::vector<Value>& matrix, std::size_t rows) {
  const std::size_t columns = rows == 0 ? 0 : matrix.size() / rows;
  std::vector<Value> turned;
  for (std::size_t column = 0; column < columns; ++column)
    for (std::size_t row = 0; row < rows; ++row) turned.push_back(matrix[row * columns + column]);
  return turned;
}

}  // namespace

RowCounts sums_of_runs(const RowCounts& counts, const RowCounts& runs) {
  RowCounts sums;
  auto begin = counts.begin();
  for (const std::int64_t run : runs) {
    sums.push_back(std::reduce(begin, begin + run));
    begin += run;
  }
  return sums;
}

ExpertRuns::ExpertRuns(RowCounts by_rank, std::size_t ranks)
    : by_rank_(std::move(by_rank)), by_expert_(transposed(by_rank_, ranks)) {
  const std::size_t experts = by_rank_.size() / ranks;
  of_ranks_ = sums_of_runs(by_rank_, RowCounts(ranks, static_cast<std::int64_t>(experts)));
  of_experts_ = sums_of_runs(by_expert_, RowCounts(experts, static_cast<std::int64_t>(ranks)));
}

at::Tensor ExpertRuns::for_experts(const at::Tensor& rows) const {
  if (by_rank_.empty()) return rows;
  return at::cat(transposed(rows.split_with_sizes(by_rank_), of_ranks_.size()));
}

at::Tensor ExpertRuns::for_ranks(const at::Tensor& rows) const {
  if (by_rank_.empty()) return rows;
  return at::cat(transposed(rows.split_with_sizes(by_expert_), of_experts_.size()));
}

}  // namespace dfm::nn
