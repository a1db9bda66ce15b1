#include "nn/needed_keys.h"

#include <numeric>

#include "nn/attention.h"
#include "nn/collectives.h"

namespace dfm::nn {
namespace {

using Counts = std::vector<std::int64_t>;

// Of each sequence, the rows of rank `from` that rank `to` needs.
Counts rows_between(const std::vector<Counts>& counts, std::size_t from, std::size_t to) {
  Counts rows(counts[from].size(), 0);
  if (from == to) return rows;
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = counts[to][i] > 0 ? counts[from][i] : 0;
  return rows;
}

std::int64_t sum_of(const Counts& counts) { return std::reduce(counts.begin(), counts.end()); }

std::int64_t rows_needed(const std::vector<Counts>& counts, std::size_t rank) {
  std::int64_t rows = 0;
  for (std::size_t from = 0; from < counts.size(); ++from) rows += sum_of(rows_between(counts, from, rank));
  return rows;
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
    const Counts to = rows_between(counts, me, rank), from = rows_between(counts, rank, me);
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

Counts needed_counts(const std::vector<Counts>& counts, std::size_t rank) {
  Counts needed = counts[rank];
  for (std::size_t from = 0; from < counts.size(); ++from) {
    const Counts rows = rows_between(counts, from, rank);
    for (std::size_t i = 0; i < needed.size(); ++i) needed[i] += rows[i];
  }
  return needed;
}

// By any rank, also where there are no sequences.
bool nothing_is_needed(const std::vector<Counts>& counts) {
  std::int64_t rows = 0;
  for (std::size_t rank = 0; rank < counts.size(); ++rank) rows += rows_needed(counts, rank);
  return rows == 0;
}

}  // namespace

bool few_keys_are_needed(const std::vector<Counts>& counts) {
  for (std::size_t rank = 0; rank < counts.size(); ++rank) {
    const std::int64_t needed = rows_needed(counts, rank);
    if (needed > 0 && needed >= sum_of(counts[rank])) return false;
  }
  return true;
}

at::Tensor attention_by_needed_keys(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                    const std::vector<Counts>& counts, const comm::Group& group) {
  const auto me = static_cast<std::size_t>(group.rank());
  const Counts &queries = counts[me], keys = needed_counts(counts, me);
  if (nothing_is_needed(counts)) return packed_attention(q, k, v, queries, keys);
  const at::Tensor kv = at::stack({k, v}).permute({2, 0, 1, 3}).flatten(1);  // [S, 2 * G * d]
  const auto needed = needed_rows(kv, counts, group).unflatten(1, {2, k.size(0), k.size(2)}).unbind(1);
  const auto heads = [](const at::Tensor& rows) { return rows.contiguous().transpose(0, 1); };
  return packed_attention(q, heads(needed[0]), heads(needed[1]), queries, keys);
}

}  // namespace dfm::nn
