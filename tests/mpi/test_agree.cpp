#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/agree.h"
#include "comm/common_failure.h"

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

TEST(CommonFailure, OfAllRanksIsAgreed) {
  const Group world = Group::world(), failures = world.split(0, "failures");
  if (world.size() == 1) GTEST_SKIP() << "alone";
  try {
    told_once(failures, [&] { throw usage_error("shape " + std::to_string(world.rank()), "mend it"); });
    FAIL() << "no error on rank " << world.rank();
  } catch (const AgreedError& error) {
    EXPECT_EQ(error.kind(), ExitCode::usage);
    EXPECT_THAT(error.what(), ::testing::StartsWith("shape 0"));
    EXPECT_EQ(error.hint(), "mend it");
  }
}

TEST(CommonFailure, OfOneRankIsItsOwn) {
  const Group world = Group::world();
  const auto mine = std::make_exception_ptr(data_error("a file"));
  const std::chrono::milliseconds patience{50};
  for (const int rank : {0, world.size() - 1}) {
    const Group now = world.split(0, "failures");
    if (world.rank() == rank) {
      EXPECT_NO_THROW(agree_if_all_fail(now, mine, patience));
    }
    world.barrier();
  }
}

TEST(CommonFailure, IsNotLookedForWhereWorkGoesWell) {
  const Group world = Group::world(), failures = world.split(0, "failures");
  EXPECT_EQ(told_once(failures, [] { return 7; }), 7);
  EXPECT_EQ(failures.traffic().sent_bytes, 0U);
}

}  // namespace
}  // namespace dfm::comm
