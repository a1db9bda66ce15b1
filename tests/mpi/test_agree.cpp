#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/agree.h"

namespace dfm::comm {
namespace {

TEST(Agree, PassesResultsThroughWhenAllRanksSucceed) {
  const Group world = Group::world();
  EXPECT_EQ(agreed(world, [&] { return world.rank() * 2; }), world.rank() * 2);
}

TEST(Agree, EveryRankThrowsTheErrorOfTheLowestFailingRank) {
  const Group world = Group::world();
  const int first_failing = world.size() / 2;
  try {
    agreed(world, [&] {
      if (world.rank() >= first_failing) throw data_error("file " + std::to_string(world.rank()), "mend it");
    });
    FAIL() << "no error on rank " << world.rank();
  } catch (const AgreedError& error) {
    EXPECT_EQ(error.kind(), ExitCode::data);
    EXPECT_THAT(error.what(), ::testing::StartsWith("file " + std::to_string(first_failing)));
    EXPECT_EQ(error.hint(), "mend it");
  }
}

TEST(Agree, AnErrorThatWasAgreedOnceNamesItsRankOnce) {
  const Group world = Group::world();
  try {
    agreed(world, [&] { agreed(world, [] { throw storage_error("full"); }); });
    FAIL();
  } catch (const AgreedError& error) {
    const std::string text = error.what();
    EXPECT_EQ(text.find("rank 0"), text.rfind("rank 0"));
  }
}

TEST(Agree, OutOfMemoryIsAnErrorWithARemedy) {
  try {
    agreed(Group::world(), [] { throw std::bad_alloc(); });
    FAIL();
  } catch (const AgreedError& error) {
    EXPECT_EQ(error.kind(), ExitCode::internal);
    EXPECT_FALSE(error.hint().empty());
  }
}

}  // namespace
}  // namespace dfm::comm
