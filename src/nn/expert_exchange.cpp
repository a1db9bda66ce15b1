#include "nn/expert_exchange.h"

#include <algorithm>

#include "core/even_cut.h"

namespace dfm::nn {
namespace {

constexpr auto kNumberBytes = static_cast<std::int64_t>(sizeof(std::int64_t));

template <class Number>
auto bytes_of(std::vector<Number>& numbers) {
  return std::as_writable_bytes(std::span(numbers));
}

// Numbers of each expert to the ranks that hold it; from each rank its numbers of the experts here.
RowCounts exchanged(RowCounts counts, const RowCounts& experts_of_rank, const comm::Group& group) {
  const std::int64_t mine = experts_of_rank[static_cast<std::size_t>(group.rank())];
  RowCounts out_bytes;
  for (const std::int64_t experts : experts_of_rank) out_bytes.push_back(experts * kNumberBytes);
  const RowCounts in_bytes(experts_of_rank.size(), mine * kNumberBytes);
  RowCounts arrived(experts_of_rank.size() * static_cast<std::size_t>(mine));
  group.all_to_all({bytes_of(counts), out_bytes}, {bytes_of(arrived), in_bytes});
  return arrived;
}

// The numbers of every rank, one rank behind the other.
RowCounts gathered(const RowCounts& counts, const comm::Group& group) {
  const auto ranks = static_cast<std::size_t>(group.size()), rank = static_cast<std::size_t>(group.rank());
  RowCounts all(ranks * counts.size());
  std::ranges::copy(counts, all.begin() + static_cast<std::ptrdiff_t>(rank * counts.size()));
  group.all_gather_parts(bytes_of(all),
                         RowCounts(ranks, static_cast<std::int64_t>(counts.size()) * kNumberBytes));
  return all;
}

}  // namespace

ExpertExchange::ExpertExchange(const RowCounts& counts, const comm::Group& group) : group_(group) {
  const RowCounts experts_of_rank = even_counts(static_cast<std::int64_t>(counts.size()), group.size());
  out_ = sums_of_runs(counts, experts_of_rank);
  in_ = ExpertRuns(exchanged(counts, experts_of_rank, group), static_cast<std::size_t>(group.size()));
}

at::Tensor ExpertExchange::to_experts(const at::Tensor& rows) const {
  return in_.for_experts(exchange_rows(rows, out_, in_.of_ranks(), group_));
}

at::Tensor ExpertExchange::from_experts(const at::Tensor& outputs) const {
  return exchange_rows(in_.for_ranks(outputs), in_.of_ranks(), out_, group_);
}

TensorExperts::TensorExperts(const RowCounts& counts, const comm::Group& group)
    : group_(group), in_(gathered(counts, group), static_cast<std::size_t>(group.size())) {}

at::Tensor TensorExperts::gather(const at::Tensor& rows) const {
  return in_.for_experts(gather_rows(rows, in_.of_ranks(), group_));
}

at::Tensor TensorExperts::scatter_sums(const at::Tensor& parts) const {
  return scatter_sum_rows(in_.for_ranks(parts), in_.of_ranks(), group_);
}

}  // namespace dfm::nn
