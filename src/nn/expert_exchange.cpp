#include "nn/expert_exchange.h"

#include <numeric>

#include "core/even_cut.h"

namespace dfm::nn {
namespace {

template <class Number>
auto bytes_of(std::vector<Number>& numbers) {
  return std::as_writable_bytes(std::span(numbers));
}

// Numbers of each expert to the ranks that hold it; from each rank its numbers of the experts here.
RowCounts exchanged(RowCounts counts, const RowCounts& experts_of_rank, const comm::Group& group) {
  constexpr auto kBytes = static_cast<std::int64_t>(sizeof(std::int64_t));
  const std::int64_t mine = experts_of_rank[static_cast<std::size_t>(group.rank())];
  RowCounts out_bytes;
  for (const std::int64_t experts : experts_of_rank) out_bytes.push_back(experts * kBytes);
  const RowCounts in_bytes(experts_of_rank.size(), mine * kBytes);
  RowCounts arrived(experts_of_rank.size() * static_cast<std::size_t>(mine));
  group.all_to_all({bytes_of(counts), out_bytes}, {bytes_of(arrived), in_bytes});
  return arrived;
}

// Sums over runs of so many neighbours.
RowCounts sums_of_runs(const RowCounts& counts, const RowCounts& runs) {
  RowCounts sums;
  auto begin = counts.begin();
  for (const std::int64_t run : runs) {
    sums.push_back(std::reduce(begin, begin + run));
    begin += run;
  }
  return sums;
}

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

ExpertExchange::ExpertExchange(const RowCounts& counts, const comm::Group& group) : group_(group) {
  const RowCounts experts_of_rank = even_counts(static_cast<std::int64_t>(counts.size()), group.size());
  const std::int64_t mine = experts_of_rank[static_cast<std::size_t>(group.rank())];
  const auto ranks = static_cast<std::size_t>(group.size());
  out_ = sums_of_runs(counts, experts_of_rank);
  by_rank_ = exchanged(counts, experts_of_rank, group);
  in_ = sums_of_runs(by_rank_, RowCounts(ranks, mine));
  by_expert_ = transposed(by_rank_, ranks);
  counts_ = sums_of_runs(by_expert_, RowCounts(static_cast<std::size_t>(mine), group.size()));
}

at::Tensor ExpertExchange::to_experts(const at::Tensor& rows) const {
  const auto arrived = exchange_rows(rows, out_, in_, group_).split_with_sizes(by_rank_);
  return at::cat(transposed(arrived, ranks()));
}

at::Tensor ExpertExchange::from_experts(const at::Tensor& outputs) const {
  const auto leaving = outputs.split_with_sizes(by_expert_);
  return exchange_rows(at::cat(transposed(leaving, experts())), in_, out_, group_);
}

}  // namespace dfm::nn
