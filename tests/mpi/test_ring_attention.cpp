// Attention of samples that are cut among the ranks, against the same attention on one rank: result, every
// gradient, and what it sends.
#include <numeric>

#include <gtest/gtest.h>

#include "core/even_cut.h"
#include "nn/attention.h"
#include "nn/ring_attention.h"
#include "support/tensors.h"

namespace dfm::nn {
namespace {

using dfm::testing::relative_error;

constexpr std::int64_t kHeads = 3, kWidth = 42;
// No number of ranks divides them; one sample has fewer tokens than there are ranks.
const std::vector<std::int64_t> kSamples{17, 2, 17, 41};

TEST(RingAttention, HasResultGradientsAndTrafficOfItsDefinition) {
  const comm::Group world = comm::Group::world();
  std::vector<std::vector<std::int64_t>> counts(static_cast<std::size_t>(world.size()));
  std::vector<at::Tensor> mine;
  std::int64_t begin = 0;
  for (const std::int64_t tokens : kSamples) {
    for (int rank = 0; rank < world.size(); ++rank) {
      const Range part = even_cut(tokens, world.size(), rank);
      counts[static_cast<std::size_t>(rank)].push_back(part.count);
      if (rank == world.rank()) mine.push_back(at::arange(begin + part.begin, begin + part.end()));
    }
    begin += tokens;
  }
  const at::Tensor rows = at::cat(mine);
  dfm::testing::Normals normals(3);
  std::vector<at::Tensor> whole, own;
  for (int i = 0; i < 3; ++i) {
    whole.push_back(normals({kHeads, begin, kWidth}).requires_grad_(true));
    own.push_back(whole.back().detach().index_select(1, rows).requires_grad_(true));
  }
  const at::Tensor g = normals({begin, kHeads * kWidth});
  const at::Tensor expected = packed_attention(whole[0], whole[1], whole[2], kSamples, kSamples);
  expected.backward(g);
  const auto before = world.traffic().sent_bytes;
  const at::Tensor ours = ring_attention(own[0], own[1], own[2], counts, world);
  const auto forward_bytes = world.traffic().sent_bytes - before;
  ours.backward(g.index_select(0, rows));
  EXPECT_LT(relative_error(ours, expected.index_select(0, rows)), 1e-5);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_LT(relative_error(own[i].grad(), whole[i].grad().index_select(1, rows)), 1e-5) << i;
  }
  // Over all ranks, keys and values of each token reach every other rank once.
  auto sent = static_cast<std::int64_t>(forward_bytes);
  world.all_reduce_sum(std::span(&sent, 1));
  EXPECT_EQ(sent, 2 * 4 * kHeads * kWidth * begin * (world.size() - 1));
}

}  // namespace
}  // namespace dfm::nn
