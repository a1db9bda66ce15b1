// What attention must move between context ranks in float32, forward and back: the analytic minimum of each
// way to do it, summed over the ranks that hold the same heads' keys and values.
#pragma once

#include <numeric>

#include "core/even_cut.h"
#include "model/axis_order.h"
#include "mpi/layout_rows.h"
#include "nn/needed_keys.h"

namespace dfm::train {

// By the groups that they pass through. Of this rank, or where blocks are passed on, of what began here.
struct ContextBytes {
  std::int64_t straight = 0, ring = 0, heads = 0;

  void add(const ContextBytes& more, std::int64_t times) {
    straight += times * more.straight;
    ring += times * more.ring;
    heads += times * more.heads;
  }
};

class ContextMinimum {
 public:
  // Tokens of each sequence on each context rank.
  using Counts = model::AxisOrder::Counts;

  ContextMinimum(const LayoutRow& row, const comm::GridGroups& groups)
      : groups_(groups),
        key_heads_(nn::model_parallel(groups).share(awkward_key_heads(row.family)).count),
        sharing_(awkward_heads(row.family) / awkward_key_heads(row.family)),
        row_bytes_(4 * awkward_hidden(row.family) / awkward_heads(row.family)) {}

  ContextBytes of(const Counts& counts) const {
    if (groups_.context.size() == 1) return {};
    if (nn::few_keys_are_needed(counts)) return {.straight = straight(counts)};
    const std::int64_t kept = even_cut(key_heads_, groups_.context_heads.size(), heads_rank()).count;
    return {.ring = ring(counts, groups_.context_heads.size() == 1 ? key_heads_ : kept),
            .heads = heads(counts, key_heads_ - kept)};
  }

 private:
  static constexpr std::int64_t kKeysAndValues = 2;

  int heads_rank() const { return groups_.context_heads.rank(); }
  const std::vector<std::int64_t>& mine(const Counts& counts) const {
    return counts[static_cast<std::size_t>(groups_.context.rank())];
  }

  // A key and value to every other rank with a query of its sequence; its gradient back.
  std::int64_t straight(const Counts& counts) const {
    std::int64_t rows = 0;
    for (std::size_t i = 0; i < counts.front().size(); ++i) {
      std::int64_t ranks = 0;
      for (const auto& of_rank : counts) ranks += of_rank[i] > 0 ? 1 : 0;
      rows += mine(counts)[i] * std::max<std::int64_t>(ranks - 1, 0);
    }
    return 2 * kKeysAndValues * rows * key_heads_ * row_bytes_;
  }

  // What other groups of heads need goes all the way round, once forward; back once more, with its gradient.
  std::int64_t ring(const Counts& counts, std::int64_t key_heads) const {
    std::int64_t rows = 0;
    for (std::size_t i = 0; i < counts.front().size(); ++i) {
      std::int64_t here = 0, all = 0;
      for (std::size_t rank = 0; rank < counts.size(); ++rank) {
        const int block = static_cast<int>(rank) / groups_.context_heads.size();
        here += block == groups_.context_ring.rank() ? counts[rank][i] : 0;
        all += counts[rank][i];
      }
      rows += here < all ? here : 0;
    }
    return 3 * kKeysAndValues * rows * (groups_.context_ring.size() - 1) * key_heads * row_bytes_;
  }

  // Queries, keys and values leave, results come back; and so the gradients.
  std::int64_t heads(const Counts& counts, std::int64_t away) const {
    const std::int64_t tokens = std::reduce(mine(counts).begin(), mine(counts).end());
    return 2 * (2 * sharing_ + kKeysAndValues) * tokens * away * row_bytes_;
  }

  const comm::GridGroups& groups_;
  std::int64_t key_heads_, sharing_, row_bytes_;
};

// Of one layer, for all packs of a step.
inline ContextBytes context_minimum(const LayoutRow& row, const comm::GridGroups& groups,
                                    const std::vector<std::vector<data::PositionedSample>>& packs) {
  const nn::SequenceCut cut = nn::model_parallel(groups).sequence_cut();
  const ContextMinimum minimum(row, groups);
  ContextBytes bytes;
  for (const auto& pack : packs) {
    const PackTensors whole = pack_tensors(pack, {}, tiny_model().patches);
    const nn::PackLayout layout = whole.layout.share(cut);
    bytes.add(minimum.of(layout.counts_by_context_rank()), 1);
    if (row.family != std::string("StDit")) continue;
    bytes.add(minimum.of(model::through_frames(whole.positions, layout, cut).counts()), 1);
    bytes.add(minimum.of(model::within_frames(whole.positions, layout, cut).counts()), 1);
  }
  return bytes;
}

}  // namespace dfm::train
