// Known answers of spec/energon.md section 1.6.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "data/energon/python_random.h"
#include "data/energon/splits.h"

namespace dfm::data {
namespace {

using ::testing::ElementsAre;

std::vector<std::size_t> sizes(const char* ratio, std::size_t shard_count) {
  std::vector<std::string> shards;
  for (std::size_t i = 0; i < shard_count; ++i) shards.push_back(fmt::format("{}.tar", i));
  std::vector<std::size_t> counts;
  for (const SplitPart& part : split_by_ratio(shards, parse_split_ratio(ratio)))
    counts.push_back(part.shards.size());
  return counts;
}

TEST(Splits, CutTheShardsInTheirOrder) {
  const auto parts = split_by_ratio({"a", "b", "c", "d"}, {2, 1, 1});
  EXPECT_EQ(parts[0].name, "train");
  EXPECT_THAT(parts[0].shards, ElementsAre("a", "b"));
  EXPECT_THAT(parts[1].shards, ElementsAre("c"));
  EXPECT_THAT(parts[2].shards, ElementsAre("d"));
}

TEST(Splits, RoundAsTheReferenceDoes) {
  EXPECT_THAT(sizes("8,1,1", 10), ElementsAre(8, 1, 1));
  EXPECT_THAT(sizes("8,1,1", 3), ElementsAre(2, 0, 1));
  EXPECT_THAT(sizes("7,2,1", 10), ElementsAre(7, 2, 0));  // 0.7 + 0.2 + 0.1 is below 1
  EXPECT_THAT(sizes("1,1,1", 7), ElementsAre(2, 2, 3));
  EXPECT_THAT(sizes("98,1,1", 100), ElementsAre(98, 1, 1));
  EXPECT_THAT(sizes("1,0,0", 5), ElementsAre(5, 0, 0));
  EXPECT_THAT(sizes("0.5, 0.25 ,0.25", 4), ElementsAre(2, 1, 1));
}

TEST(Splits, RefuseARatioThatIsNone) {
  for (const char* const text : {"", "1", "1,1", "1,1,1,1", "1,1,", "a,b,c", "-1,1,1", "0,0,0", "nan,1,1",
                                 "inf,1,1", "1e308,1e308,1e308", "1,1,1x"}) {
    EXPECT_THROW(parse_split_ratio(text), Error) << text;
  }
}

TEST(PythonShuffle, GivesTheKnownPermutation) {
  EXPECT_THAT(python_shuffle(10, 42), ElementsAre(7, 3, 2, 8, 5, 6, 9, 4, 0, 1));
  EXPECT_THAT(python_shuffle(3, 42), ElementsAre(1, 0, 2));  // the golden data set "shuffled"
  EXPECT_THAT(python_shuffle(1, 42), ElementsAre(0));
  EXPECT_TRUE(python_shuffle(0, 42).empty());
}

}  // namespace
}  // namespace dfm::data
