#include "nn/context_attention.h"

#include "nn/attention.h"
#include "nn/head_exchange.h"
#include "nn/ring_attention.h"

namespace dfm::nn {
namespace {

using Counts = std::vector<std::int64_t>;

// Tokens on the ranks of this rank's group of heads.
std::vector<Counts> counts_in_group(const std::vector<Counts>& counts, const ContextGroups& groups) {
  const auto first = counts.begin() + static_cast<std::ptrdiff_t>(groups.ring.rank()) * groups.heads.size();
  return {first, first + groups.heads.size()};
}

}  // namespace

std::vector<Counts> counts_of_blocks(const std::vector<Counts>& counts, int ranks_of_heads) {
  const auto size = static_cast<std::size_t>(ranks_of_heads);
  std::vector<Counts> sums(counts.size() / size, Counts(counts.front().size(), 0));
  for (std::size_t rank = 0; rank < counts.size(); ++rank) {
    for (std::size_t i = 0; i < counts[rank].size(); ++i) sums[rank / size][i] += counts[rank][i];
  }
  return sums;
}

at::Tensor context_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                             const std::vector<Counts>& counts, const ContextGroups& groups) {
  const std::vector<Counts> blocks = counts_of_blocks(counts, groups.heads.size());
  const auto attend = [&](const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values) {
    if (blocks.size() == 1) return packed_attention(queries, keys, values, blocks[0], blocks[0]);
    return ring_attention(queries, keys, values, blocks, groups.ring);
  };
  if (groups.heads.size() == 1) return attend(q, k, v);
  return attention_by_heads(q, k, v, counts_in_group(counts, groups), groups.heads, attend);
}

}  // namespace dfm::nn
