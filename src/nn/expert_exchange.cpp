#include "nn/expert_exchange.h"

#include <algorithm>

namespace dfm::nn {
namespace {

constexpr std::int64_t kMostWaves = 4;  // of more, more is hidden, and messages are smaller
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

// Those of some ranges, one behind the other.
template <class Value>
std::vector<Value> picked(const std::vector<Value>& values, const std::vector<Range>& ranges) {
  std::vector<Value> some;
  for (const Range& range : ranges)
    some.insert(some.end(), values.begin() + range.begin, values.begin() + range.end());
  return some;
}

// To where they were picked from.
void put_back(const std::vector<at::Tensor>& some, const std::vector<Range>& ranges,
              std::vector<at::Tensor>& all) {
  auto next = some.begin();
  for (const Range& range : ranges) {
    std::copy_n(next, range.count, all.begin() + range.begin);
    next += range.count;
  }
}

// Part `part` of each of some neighbouring runs.
std::vector<Range> parts_of_runs(const RowCounts& runs, std::int64_t parts, std::int64_t part) {
  std::vector<Range> ranges;
  std::int64_t begin = 0;
  for (const std::int64_t run : runs) {
    const Range some = even_cut(run, parts, part);
    ranges.push_back({begin + some.begin, some.count});
    begin += run;
  }
  return ranges;
}

RowCounts lengths(const std::vector<Range>& ranges) {
  RowCounts counts;
  for (const Range& range : ranges) counts.push_back(range.count);
  return counts;
}

}  // namespace

ExpertExchange::ExpertExchange(const RowCounts& counts, const comm::Group& group)
    : group_(group), counts_(counts) {
  const auto ranks = static_cast<std::size_t>(group.size());
  const RowCounts experts_of_rank = even_counts(static_cast<std::int64_t>(counts.size()), group.size());
  const std::int64_t mine = experts_of_rank[static_cast<std::size_t>(group.rank())];
  const RowCounts arriving = exchanged(counts, experts_of_rank, group);
  const std::int64_t waves = std::min(kMostWaves, std::ranges::max(experts_of_rank));
  for (std::int64_t i = 0; i < waves; ++i) {
    const std::vector<Range> leaving = parts_of_runs(experts_of_rank, waves, i);
    waves_.push_back(
        {.experts = even_cut(mine, waves, i),
         .experts_of_all = leaving,
         .out = sums_of_runs(picked(counts, leaving), lengths(leaving)),
         .in = ExpertRuns(picked(arriving, parts_of_runs(RowCounts(ranks, mine), waves, i)), ranks)});
  }
}

TravellingRows ExpertExchange::returning(const Wave& wave, const TravellingRows& going,
                                         const ExpertWork& work) const {
  const at::Tensor visitors = wave.in.for_experts(going.arrived());
  const at::Tensor outputs =
      wave.experts.count == 0 ? visitors : work(wave.experts, visitors, wave.in.of_experts());
  return {wave.in.for_ranks(outputs), wave.in.of_ranks(), wave.out, group_};
}

at::Tensor ExpertExchange::through(const at::Tensor& rows, const ExpertWork& work) const {
  const std::vector<at::Tensor> pieces = rows.split_with_sizes(counts_);
  std::vector<TravellingRows> going, coming;
  for (const Wave& wave : waves_)
    going.emplace_back(at::cat(picked(pieces, wave.experts_of_all)), wave.out, wave.in.of_ranks(), group_);
  for (std::size_t i = 0; i < waves_.size(); ++i) coming.push_back(returning(waves_[i], going[i], work));
  std::vector<at::Tensor> outputs(pieces.size());
  for (std::size_t i = 0; i < waves_.size(); ++i) {
    const auto& experts = waves_[i].experts_of_all;
    put_back(coming[i].arrived().split_with_sizes(picked(counts_, experts)), experts, outputs);
  }
  return at::cat(outputs);
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
