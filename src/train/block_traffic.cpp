#include "train/block_traffic.h"

#include <numeric>

#include "core/even_cut.h"
#include "nn/context_attention.h"
#include "nn/expert_choice.h"
#include "nn/needed_keys.h"
#include "nn/ring_attention.h"

namespace dfm::train {
namespace {

constexpr double kFloatBytes = sizeof(float), kNumberBytes = sizeof(std::int64_t);

double share_of_last(std::int64_t total, int ranks) {
  return static_cast<double>(even_cut(total, ranks, ranks - 1).count);
}

double sum_of(const std::vector<std::int64_t>& counts) {
  return static_cast<double>(std::reduce(counts.begin(), counts.end()));
}

// Of this rank's context share, which its tensor ranks have together.
double share_rows(const PackOnRank& pack) { return sum_of(pack.layout.tensor_row_counts()); }

double width(const PackOnRank& pack) { return static_cast<double>(pack.model.block.width); }

double experts(const PackOnRank& pack) { return static_cast<double>(pack.model.experts.count); }

double experts_here(const PackOnRank& pack) {
  return share_of_last(pack.model.experts.count, pack.grid.expert);
}

// nn::raw::scatter_sum_rows: narrow elements are exchanged, and what stays here does not count.
double scattered(const PackOnRank& pack, double rows, double own_rows) {
  if (pack.element_bytes == kFloatBytes) return rows * width(pack) * kFloatBytes;
  return (rows - own_rows) * width(pack) * pack.element_bytes;
}

// A gather and a scatter of sums are the backward of each other.
RunBytes gathered_and_scattered(const PackOnRank& pack, double rows, double own_rows) {
  const double bytes = rows * width(pack) * pack.element_bytes + scattered(pack, rows, own_rows);
  return {bytes, bytes};
}

std::int64_t capacity(const PackOnRank& pack, std::int64_t tokens) {
  const model::Experts& of = pack.model.experts;
  return nn::expert_capacity(tokens, of.count, of.choice.capacity_factor);
}

// What one expert takes of all tensor ranks of this context rank, on average where it may be any of them.
double picks_of_share(const PackOnRank& pack) {
  double picks = 0;
  switch (pack.model.experts.choice.group) {
    case nn::RoutingGroup::rank:
      for (const std::int64_t rows : pack.layout.tensor_row_counts())
        picks += static_cast<double>(capacity(pack, rows));
      return picks;
    case nn::RoutingGroup::pack:
      picks =
          static_cast<double>(capacity(pack, static_cast<std::int64_t>(sum_of(pack.layout.whole_counts()))));
      break;
    case nn::RoutingGroup::sample:
      for (const std::int64_t tokens : pack.layout.whole_counts())
        picks += static_cast<double>(capacity(pack, tokens));
      break;
  }
  return picks / pack.grid.context;
}

double picks_of_rank(const PackOnRank& pack) {
  if (pack.model.experts.choice.group == nn::RoutingGroup::rank)
    return static_cast<double>(capacity(pack, pack.layout.tensor_row_counts().back()));
  return picks_of_share(pack) / pack.grid.tensor;
}

// Of self-attention, on this rank: an exchange of heads divides the groups of heads that share a key.
struct Heads {
  explicit Heads(const PackOnRank& pack)
      : groups(share_of_last(pack.model.block.key_heads, pack.grid.tensor)),
        groups_here(share_of_last(static_cast<std::int64_t>(groups), pack.grid.context_heads)),
        queries(static_cast<double>(pack.model.block.queries_of_key)),
        width(static_cast<double>(pack.model.block.head_width)) {}
  double groups, groups_here, queries, width;
};

using SequenceCounts = model::BlockShape::SequenceCounts;

// Over the self-attentions in which ranks need few keys of each other, or over the others.
enum class KeysNeeded { few, many };

template <class Bytes>
RunBytes sum_over_attentions(const PackOnRank& pack, KeysNeeded needed, const Bytes& bytes) {
  RunBytes sum;
  for (const SequenceCounts& counts : pack.attentions) {
    if (nn::few_keys_are_needed(counts) != (needed == KeysNeeded::few)) continue;
    const RunBytes of_one = bytes(counts);
    sum.forward += of_one.forward;
    sum.backward += of_one.backward;
  }
  return sum;
}

// Of each block of the ring.
std::vector<double> rows_going_round(const PackOnRank& pack, const SequenceCounts& counts) {
  std::vector<double> rows;
  for (const auto& block : nn::counts_going_round(nn::counts_of_blocks(counts, pack.grid.context_heads)))
    rows.push_back(sum_of(block));
  return rows;
}

}  // namespace

RunBytes rows_between_tensor_ranks(const PackOnRank& pack) {
  if (pack.grid.tensor == 1) return {};
  return gathered_and_scattered(pack, share_rows(pack), static_cast<double>(pack.layout.tokens()));
}

// One number a row, summed on every rank.
RunBytes norms_between_tensor_ranks(const PackOnRank& pack) {
  if (pack.grid.tensor == 1) return {};
  const model::BlockShape& block = pack.model.block;
  const std::int64_t text =
      block.text_length > 0 ? block.text_length * pack.layout.samples() : pack.layout.text_rows();
  const double bytes = kFloatBytes * (static_cast<double>(block.token_norms) * share_rows(pack) +
                                      static_cast<double>(block.text_norms * text));
  return {bytes, bytes};
}

// Where rows stay with their ranks, so do their scores: others need them to choose by, and have no gradient.
RunBytes scores_between_tensor_ranks(const PackOnRank& pack) {
  if (pack.grid.tensor == 1) return {};
  const double bytes = kFloatBytes * share_rows(pack) * experts(pack);
  return {bytes, pack.grid.expert > 1 ? 0 : bytes};
}

// Without expert ranks the MLP gathers what any other does.
RunBytes expert_rows_between_tensor_ranks(const PackOnRank& pack) {
  if (pack.grid.tensor == 1 || pack.grid.expert == 1) return rows_between_tensor_ranks(pack);
  const double visitors = pack.grid.expert * experts_here(pack);
  RunBytes bytes =
      gathered_and_scattered(pack, visitors * picks_of_share(pack), visitors * picks_of_rank(pack));
  bytes.forward += kNumberBytes * pack.grid.tensor * experts_here(pack);
  return bytes;
}

// Queries, keys and values leave in the one direction, what is made of them in the other.
RunBytes heads_between_context_ranks(const PackOnRank& pack) {
  if (pack.grid.context_heads == 1) return {};
  const Heads heads(pack);
  return sum_over_attentions(pack, KeysNeeded::many, [&](const SequenceCounts& counts) -> RunBytes {
    const double own = sum_of(counts.back()),
                 together = sum_of(nn::counts_of_blocks(counts, pack.grid.context_heads).back());
    const double to_heads = (heads.groups - heads.groups_here) * own,
                 to_tokens = heads.groups_here * (together - own);
    const double row = heads.width * pack.element_bytes, there = heads.queries + 2, back = heads.queries;
    return {row * (there * to_heads + back * to_tokens), row * (back * to_heads + there * to_tokens)};
  });
}

// Every block but the last to arrive is sent on, which is that of the neighbour ahead: for the last rank the
// first. Backwards so are the blocks once more, and in float32 the gradients of all but this rank's own.
RunBytes keys_between_context_ranks(const PackOnRank& pack) {
  if (pack.grid.context_heads == pack.grid.context) return {};
  const Heads heads(pack);
  return sum_over_attentions(pack, KeysNeeded::many, [&](const SequenceCounts& counts) -> RunBytes {
    const auto rows = rows_going_round(pack, counts);
    const double all = std::reduce(rows.begin(), rows.end()), row = 2 * heads.groups_here * heads.width;
    const double forward = row * pack.element_bytes * (all - rows.front());
    return {forward, forward + row * kFloatBytes * (all - rows.back())};
  });
}

RunBytes needed_keys_between_context_ranks(const PackOnRank& pack) {
  const Heads heads(pack);
  const double row = 2 * heads.groups * heads.width * pack.element_bytes;
  return sum_over_attentions(pack, KeysNeeded::few, [&](const SequenceCounts& counts) {
    const std::size_t last = counts.size() - 1;
    RunBytes bytes;
    for (std::size_t other = 0; other < last; ++other) {
      bytes.forward += row * sum_of(nn::rows_needed(counts, last, other));
      bytes.backward += row * sum_of(nn::rows_needed(counts, other, last));
    }
    return bytes;
  });
}

RunBytes scores_between_context_ranks(const PackOnRank& pack) {
  if (pack.grid.context == 1 || pack.model.experts.choice.group == nn::RoutingGroup::rank) return {};
  return {kFloatBytes * sum_of(pack.layout.whole_counts()) * experts(pack), 0};
}

RunBytes rows_between_expert_ranks(const PackOnRank& pack) {
  if (pack.grid.expert == 1) return {};
  const double elsewhere = experts(pack) - experts_here(pack);
  const double visiting = experts_here(pack) * (pack.grid.expert - 1);
  const double rows = picks_of_rank(pack) * (elsewhere + visiting) * width(pack) * pack.element_bytes;
  return {rows + kNumberBytes * elsewhere, rows};
}

bool experts_take_from_any_rank(const model::Experts& experts, const comm::GridShape& grid) {
  return experts.choice.group != nn::RoutingGroup::rank && grid.tensor * grid.context > 1;
}

}  // namespace dfm::train
