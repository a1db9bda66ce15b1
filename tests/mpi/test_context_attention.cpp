// Attention of samples that are cut among the ranks, against the same attention on one rank: result, every
// gradient, and what it sends, in each way to communicate.
#include <functional>
#include <numeric>
#include <set>

#include <gtest/gtest.h>

#include "core/even_cut.h"
#include "nn/attention.h"
#include "nn/attention_choice.h"
#include "nn/context_attention.h"
#include "nn/needed_keys.h"
#include "support/tensors.h"

namespace dfm::nn {
namespace {

using dfm::testing::relative_error;
using Counts = std::vector<std::int64_t>;

constexpr std::int64_t kWidth = 42;

struct Case {
  const char* name;
  Counts samples;                 // tokens
  std::int64_t heads, key_heads;  // no number of ranks divides them
};

// How many near ranks exchange heads: 1, all, or 2 of 4.
enum class Way { ring, heads, both };

const char* name_of(Way way) {
  if (way == Way::ring) return "ByRing";
  return way == Way::heads ? "ByHeads" : "ByBoth";
}

class ContextAttention : public ::testing::TestWithParam<std::tuple<Case, Way>> {
 protected:
  const Case& given() const { return std::get<0>(GetParam()); }
  int ranks_in_heads() const {
    const Way way = std::get<1>(GetParam());
    if (way == Way::both) return world_.size() % 2 == 0 ? 2 : 1;
    return way == Way::ring ? 1 : world_.size();
  }

  void expect_those_of_one_rank(AttentionChoice choice) const;

  const comm::Group world_ = comm::Group::world();
  const comm::Group heads_ = world_.split(world_.rank() / ranks_in_heads(), "heads");
  const comm::Group ring_ = world_.split(world_.rank() % ranks_in_heads(), "ring");
};

// counts[rank][sample] of even cuts.
std::vector<Counts> cut(const Counts& samples, int ranks) {
  std::vector<Counts> counts(static_cast<std::size_t>(ranks));
  for (int rank = 0; rank < ranks; ++rank) {
    for (const std::int64_t tokens : samples)
      counts[static_cast<std::size_t>(rank)].push_back(even_cut(tokens, ranks, rank).count);
  }
  return counts;
}

// Where a rank's tokens stand in the whole pack.
at::Tensor rows_of(const Counts& samples, int ranks, int rank) {
  std::vector<at::Tensor> rows;
  std::int64_t begin = 0;
  for (const std::int64_t tokens : samples) {
    const Range part = even_cut(tokens, ranks, rank);
    rows.push_back(at::arange(begin + part.begin, begin + part.end()));
    begin += tokens;
  }
  return at::cat(rows);
}

// |ours - expected| / (1 + |expected|): with one key, there is no gradient of q to be relative to.
double error_between(const at::Tensor& ours, const at::Tensor& expected) {
  const at::Tensor golden = expected.detach().to(at::kDouble);
  return ((ours.detach().to(at::kDouble) - golden).norm() / (1 + golden.norm())).item<double>();
}

using Attend = std::function<at::Tensor(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v)>;

// Of the rows that are here, by the kernel chosen, against that of one rank by LibTorch's for CPUs.
void expect_those_of_one_rank(const Case& given, const at::Tensor& rows, const Attend& attend,
                              AttentionChoice choice) {
  const Counts& samples = given.samples;
  const std::int64_t tokens = std::reduce(samples.begin(), samples.end());
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    dfm::testing::Normals normals(3);
    std::vector<at::Tensor> whole, own;
    for (const std::int64_t heads : {given.heads, given.key_heads, given.key_heads}) {
      whole.push_back(normals({heads, tokens, kWidth}).to(type).requires_grad_(true));
      own.push_back(whole.back().detach().index_select(1, rows).requires_grad_(true));
    }
    const at::Tensor g = normals({tokens, given.heads * kWidth}).to(type);
    const at::Tensor expected = packed_attention(whole[0], whole[1], whole[2], samples, samples);
    expected.backward(g);
    set_attention({choice, false});
    const at::Tensor ours = attend(own[0], own[1], own[2]);
    ours.backward(g.index_select(0, rows));
    set_attention({});
    const double tolerance = type == at::kFloat ? 1e-5 : 0.02;
    EXPECT_LT(relative_error(ours, expected.index_select(0, rows)), tolerance);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_LT(error_between(own[i].grad(), whole[i].grad().index_select(1, rows)), tolerance) << i;
    }
  }
}

void ContextAttention::expect_those_of_one_rank(AttentionChoice choice) const {
  const auto counts = cut(given().samples, world_.size());
  const auto attend = [&](const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
    return context_attention(q, k, v, counts, {heads_, ring_});
  };
  nn::expect_those_of_one_rank(given(), rows_of(given().samples, world_.size(), world_.rank()), attend,
                               choice);
}

TEST_P(ContextAttention, HasResultAndGradientsOfOneRank) {
  expect_those_of_one_rank(AttentionChoice::automatic);
}

// The code around the kernels of GPUs, on the CPU.
TEST_P(ContextAttention, AsDevicesComputeItHasResultAndGradientsOfOneRank) {
  expect_those_of_one_rank(AttentionChoice::plain);
}

// Tokens of the samples that several blocks of so many ranks have.
std::int64_t shared_tokens(const std::vector<Counts>& counts, int ranks_in_block) {
  std::int64_t tokens = 0;
  for (std::size_t i = 0; i < counts.front().size(); ++i) {
    std::set<std::size_t> blocks;
    std::int64_t of_sample = 0;
    for (std::size_t rank = 0; rank < counts.size(); ++rank) {
      if (counts[rank][i] > 0) blocks.insert(rank / static_cast<std::size_t>(ranks_in_block));
      of_sample += counts[rank][i];
    }
    if (blocks.size() > 1) tokens += of_sample;
  }
  return tokens;
}

// A ring brings keys and values of each token that others need to every other group of heads once, in the
// parts that its ranks have. An exchange of heads moves each token's q, k and v, and its result back, but for
// what is at home.
TEST_P(ContextAttention, SendsNoByteTwice) {
  const Counts& samples = given().samples;
  const at::Tensor rows = rows_of(samples, world_.size(), world_.rank());
  const auto input = [&](std::int64_t heads) { return at::ones({heads, rows.size(0), kWidth}); };
  context_attention(input(given().heads), input(given().key_heads), input(given().key_heads),
                    cut(samples, world_.size()), {heads_, ring_});
  Counts sent{static_cast<std::int64_t>(ring_.traffic().sent_bytes),
              static_cast<std::int64_t>(heads_.traffic().all_to_all_bytes)};
  world_.all_reduce_sum(std::span(sent));
  const std::int64_t tokens = shared_tokens(cut(samples, world_.size()), heads_.size()),
                     float_bytes = 4 * kWidth;
  EXPECT_EQ(sent[0], 2 * given().key_heads * float_bytes * tokens * (ring_.size() - 1));
  std::int64_t away = 0;  // tokens times groups of heads that change their rank
  for (int rank = 0; rank < heads_.size(); ++rank) {
    const std::int64_t kept = even_cut(given().key_heads, heads_.size(), rank).count;
    for (int block = 0; block < ring_.size(); ++block) {
      const std::int64_t held = rows_of(samples, world_.size(), block * heads_.size() + rank).size(0);
      away += held * (given().key_heads - kept);
    }
  }
  const std::int64_t queries = given().heads / given().key_heads;
  EXPECT_EQ(sent[1], float_bytes * away * (2 * queries + 2));
}

INSTANTIATE_TEST_SUITE_P(
    Packs, ContextAttention,
    ::testing::Combine(
        // One sample has fewer tokens than there are ranks; in the last pack, ranks are without any.
        ::testing::Values(Case{"Mixed", {17, 2, 17, 41}, 5, 5}, Case{"GroupedKeys", {3, 30, 19}, 15, 5},
                          Case{"OneToken", {1}, 4, 4}),
        ::testing::Values(Way::ring, Way::heads, Way::both)),
    [](const auto& each) {
      return std::string(std::get<0>(each.param).name) + name_of(std::get<1>(each.param));
    });

// Samples one behind the other, of which each rank has an even part: most lie on one rank.
class NeededKeys : public ::testing::Test {
 protected:
  NeededKeys() {
    for (int rank = 0; rank < world_.size(); ++rank) {
      const Range part = even_cut(tokens_, world_.size(), rank);
      std::int64_t begin = 0;
      for (const std::int64_t sample : given_.samples) {
        const std::int64_t from = std::max(begin, part.begin), to = std::min(begin + sample, part.end());
        counts_[static_cast<std::size_t>(rank)].push_back(std::max<std::int64_t>(to - from, 0));
        begin += sample;
      }
    }
  }
  at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) const {
    return attention_by_needed_keys(q, k, v, counts_, world_);
  }
  at::Tensor rows() const {
    const Range mine = even_cut(tokens_, world_.size(), world_.rank());
    return at::arange(mine.begin, mine.end());
  }

  const comm::Group world_ = comm::Group::world();
  const Case given_{"Frames", {7, 7, 7, 1, 9, 9, 3, 5}, 10, 5};
  const std::int64_t tokens_ = std::reduce(given_.samples.begin(), given_.samples.end());
  std::vector<Counts> counts_ = std::vector<Counts>(static_cast<std::size_t>(world_.size()));
};

TEST_F(NeededKeys, GiveResultAndGradientsOfOneRank) {
  for (const AttentionChoice choice : {AttentionChoice::automatic, AttentionChoice::plain}) {
    expect_those_of_one_rank(
        given_, rows(), [this](const auto& q, const auto& k, const auto& v) { return attend(q, k, v); },
        choice);
  }
}

// A sample on n ranks goes from each to n - 1 others, and so do the gradients back.
TEST_F(NeededKeys, AreSentOnceStraightToWhoNeedsThem) {
  const auto input = [&](std::int64_t heads) {
    return at::ones({heads, rows().size(0), kWidth}).requires_grad_(true);
  };
  attend(input(given_.heads), input(given_.key_heads), input(given_.key_heads)).sum().backward();
  std::int64_t sent = static_cast<std::int64_t>(world_.traffic().all_to_all_bytes), needed = 0;
  world_.all_reduce_sum(std::span(&sent, 1));
  for (std::size_t i = 0; i < given_.samples.size(); ++i) {
    const auto has = [i](const Counts& of_rank) { return of_rank[i] > 0; };
    needed += given_.samples[i] * (std::ranges::count_if(counts_, has) - 1);
  }
  EXPECT_EQ(sent, 2 * 2 * given_.key_heads * kWidth * 4 * needed);
}

TEST(FewKeys, AreFewerOnEachRankThanItHasItself) {
  EXPECT_TRUE(few_keys_are_needed({{4, 1}, {0, 3}}));
  EXPECT_TRUE(few_keys_are_needed({{1, 0}, {0, 0}}));
  EXPECT_FALSE(few_keys_are_needed({{2}, {2}}));
  EXPECT_FALSE(few_keys_are_needed({{4, 1, 0}, {0, 3, 1}, {0, 0, 1}}));
}

}  // namespace
}  // namespace dfm::nn
