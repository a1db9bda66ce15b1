#include "nn/needed_keys.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "nn/attention.h"
#include "nn/collectives.h"

namespace dfm::nn {
namespace {

using Counts = std::vector<std::int64_t>;

std::int64_t sum_of(const Counts& counts) { return std::reduce(counts.begin(), counts.end()); }

// Of each sequence, on all ranks.
Counts whole_counts(const std::vector<Counts>& counts) {
  Counts whole(counts.front().size(), 0);
  for (const Counts& of_rank : counts) std::ranges::transform(whole, of_rank, whole.begin(), std::plus<>());
  return whole;
}

// The keys of each sequence that a rank attends to: all where it has any of it.
Counts attended_counts(const Counts& own, const Counts& whole) {
  Counts attended(own.size());
  std::ranges::transform(own, whole, attended.begin(),
                         [](std::int64_t mine, std::int64_t all) { return mine > 0 ? all : 0; });
  return attended;
}

// Of what this rank has, a sequence's rows each.
using Pieces = std::vector<at::Tensor>;

// The rows that go to the ranks; of each rank the rows that come, in pieces.
std::vector<Pieces> exchanged(const Pieces& own, const std::vector<Counts>& counts,
                              const comm::Group& group) {
  const auto me = static_cast<std::size_t>(group.rank());
  RowCounts out, in, sizes;
  Pieces leaving;
  for (std::size_t rank = 0; rank < counts.size(); ++rank) {
    const Counts to = rows_needed(counts, me, rank), from = rows_needed(counts, rank, me);
    for (std::size_t i = 0; i < to.size(); ++i) leaving.push_back(own[i].narrow(0, 0, to[i]));
    out.push_back(sum_of(to));
    in.push_back(sum_of(from));
    sizes.insert(sizes.end(), from.begin(), from.end());
  }
  const Pieces arrived = exchange_rows(at::cat(leaving), out, in, group).split_with_sizes(sizes);
  std::vector<Pieces> of_ranks;
  const auto sequences = static_cast<std::ptrdiff_t>(own.size());
  for (auto begin = arrived.begin(); begin != arrived.end(); begin += sequences)
    of_ranks.emplace_back(begin, begin + sequences);
  return of_ranks;
}

// rows [S, n] -> of every sequence that is here, the rows of all ranks.
at::Tensor needed_rows(const at::Tensor& rows, const std::vector<Counts>& counts, const comm::Group& group) {
  const Pieces own = rows.split_with_sizes(counts[static_cast<std::size_t>(group.rank())]);
  const std::vector<Pieces> arrived = exchanged(own, counts, group);
  Pieces all;
  for (std::size_t i = 0; i < own.size(); ++i) {
    all.push_back(own[i]);
    for (const Pieces& of_rank : arrived) all.push_back(of_rank[i]);
  }
  return at::cat(all);
}

}  // namespace

Counts rows_needed(const std::vector<Counts>& counts, std::size_t from, std::size_t to) {
  return from == to ? Counts(counts[from].size(), 0) : attended_counts(counts[to], counts[from]);
}

bool few_keys_are_needed(const std::vector<Counts>& counts) {
  const Counts whole = whole_counts(counts);
  return std::ranges::all_of(counts, [&](const Counts& own) {
    const std::int64_t rows = sum_of(own), needed = sum_of(attended_counts(own, whole)) - rows;
    return needed == 0 || needed < rows;
  });
}

at::Tensor attention_by_needed_keys(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                    const std::vector<Counts>& counts, const comm::Group& group) {
  const auto me = static_cast<std::size_t>(group.rank());
  const Counts whole = whole_counts(counts), &queries = counts[me], keys = attended_counts(queries, whole);
  const auto has_all = [&](const Counts& own) { return own == attended_counts(own, whole); };
  if (std::ranges::all_of(counts, has_all)) return packed_attention(q, k, v, queries, keys);
  const at::Tensor kv = at::stack({k, v}).permute({2, 0, 1, 3}).flatten(1);  // [S, 2 * G * d]
  const auto needed = needed_rows(kv, counts, group).unflatten(1, {2, k.size(0), k.size(2)}).unbind(1);
  const auto heads = [](const at::Tensor& rows) { return rows.contiguous().transpose(0, 1); };
  return packed_attention(q, heads(needed[0]), heads(needed[1]), queries, keys);
}

}  // namespace dfm::nn
