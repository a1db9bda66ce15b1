// What goes on beside other work, and what goes between pairs of ranks, against the definition.
#include <numeric>

#include <gtest/gtest.h>

#include "comm/group.h"

namespace dfm::comm {
namespace {

// What rank `from` has for rank `to`: as many bytes as this says, each with a value of its own.
std::int64_t count_between(int from, int to) { return (3 * from + 2 * to + 1) % 5; }
std::byte value_between(int from, int to, std::int64_t i) {
  return static_cast<std::byte>(50 * from + 10 * to + static_cast<int>(i));
}

class Transfers : public ::testing::Test {
 protected:
  int next() const { return (world_.rank() + 1) % world_.size(); }
  int previous() const { return (world_.rank() + world_.size() - 1) % world_.size(); }
  // 1, 2, 3, ... elements of the ranks.
  std::vector<std::int64_t> uneven_counts() const {
    std::vector<std::int64_t> counts(static_cast<std::size_t>(world_.size()));
    std::iota(counts.begin(), counts.end(), 1);
    return counts;
  }

  const Group world_ = Group::world();
};

// Uneven parts to and from all.
struct Exchanged {
  explicit Exchanged(const Group& group) {
    const int me = group.rank();
    for (int other = 0; other < group.size(); ++other) {
      out_counts.push_back(count_between(me, other));
      in_counts.push_back(count_between(other, me));
      for (std::int64_t i = 0; i < out_counts.back(); ++i) out.push_back(value_between(me, other, i));
      for (std::int64_t i = 0; i < in_counts.back(); ++i) expected.push_back(value_between(other, me, i));
    }
    in.resize(expected.size());
    leaving = out.size() - static_cast<std::size_t>(count_between(me, me));
  }

  std::vector<std::int64_t> out_counts, in_counts;
  std::vector<std::byte> out, expected, in;
  std::uint64_t leaving = 0;
};

TEST_F(Transfers, AllToAllDeliversUnevenParts) {
  Exchanged parts(world_);
  const Traffic before = world_.traffic();
  world_.all_to_all({parts.out, parts.out_counts}, {parts.in, parts.in_counts});
  EXPECT_EQ(parts.in, parts.expected);
  EXPECT_EQ(world_.traffic().all_to_all_bytes - before.all_to_all_bytes, parts.leaving);
}

TEST_F(Transfers, ABegunAllToAllDeliversUnevenParts) {
  Exchanged parts(world_);
  const Traffic before = world_.traffic();
  Transfer transfer = world_.start_all_to_all({parts.out, parts.out_counts}, {parts.in, parts.in_counts});
  transfer.wait();
  EXPECT_EQ(parts.in, parts.expected);
  EXPECT_EQ(world_.traffic().all_to_all_bytes - before.all_to_all_bytes, parts.leaving);
}

TEST_F(Transfers, AnExchangeGoesAroundTheRing) {
  const std::vector<std::byte> out(7, static_cast<std::byte>(world_.rank()));
  std::vector<std::byte> in(7);
  const Traffic before = world_.traffic();
  world_.start_exchange(out, next(), in, previous()).wait();
  EXPECT_EQ(in, std::vector<std::byte>(7, static_cast<std::byte>(previous())));
  EXPECT_EQ(world_.traffic().sent_bytes - before.sent_bytes, world_.size() > 1 ? 7U : 0U);
}

TEST_F(Transfers, MessagesBetweenTwoRanksStayInOrder) {
  std::vector<std::byte> first(2), second(3);
  const std::vector<std::byte> one(2, std::byte{1}), two(3, std::byte{2});
  Transfer a = world_.start_receive(first, previous()), b = world_.start_receive(second, previous());
  Transfer c = world_.start_send(one, next()), d = world_.start_send(two, next());
  for (Transfer* each : {&a, &b, &c, &d}) each->wait();
  EXPECT_EQ(first, one);
  EXPECT_EQ(second, two);
}

TEST_F(Transfers, ABegunGatherCompletesTheWhole) {
  const auto counts = uneven_counts();
  std::vector<std::byte> all, expected;
  for (int rank = 0; rank < world_.size(); ++rank) {
    const auto count = static_cast<std::size_t>(counts[static_cast<std::size_t>(rank)]);
    all.insert(all.end(), count, rank == world_.rank() ? static_cast<std::byte>(rank + 1) : std::byte{});
    expected.insert(expected.end(), count, static_cast<std::byte>(rank + 1));
  }
  Transfer transfer = world_.start_all_gather_parts(all, counts);
  transfer.wait();
  EXPECT_EQ(all, expected);
  EXPECT_TRUE(transfer.is_over());
}

TEST_F(Transfers, ABegunReduceScatterGivesEachRankTheSumOfItsPart) {
  const auto counts = uneven_counts();
  std::vector<float> values(static_cast<std::size_t>(std::reduce(counts.begin(), counts.end())));
  std::iota(values.begin(), values.end(), static_cast<float>(100 * world_.rank()));
  std::vector<float> mine(static_cast<std::size_t>(counts[static_cast<std::size_t>(world_.rank())]));
  Transfer transfer = world_.start_reduce_scatter_sum(values, counts, mine);
  transfer.wait();
  const int n = world_.size();
  const auto begin = std::reduce(counts.begin(), counts.begin() + world_.rank());
  for (std::size_t i = 0; i < mine.size(); ++i) {
    EXPECT_EQ(mine[i], static_cast<float>(n * (begin + static_cast<int>(i)) + 100 * n * (n - 1) / 2));
  }
}

TEST_F(Transfers, ATransferThatIsGivenUpIsWaitedFor) {
  std::vector<std::byte> out(1000, std::byte{9}), in(1000);
  { const Transfer transfer = world_.start_exchange(out, next(), in, previous()); }
  EXPECT_EQ(in, out);
}

}  // namespace
}  // namespace dfm::comm
