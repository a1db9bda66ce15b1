#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ckpt/quarantine.h"
#include "unit/ckpt/made_checkpoint.h"

namespace dfm::ckpt {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TemporaryFolder;

TEST(Quarantine, TakesTheCheckpointOutOfTheListAndSaysWhy) {
  const TemporaryFolder root;
  const fs::path folder = make_checkpoint(root.path(), 5);
  const fs::path aside = set_aside(folder, "a bit was flipped");
  EXPECT_EQ(aside, root / "iter_0000005.damaged");
  EXPECT_TRUE(is_set_aside(aside));
  EXPECT_FALSE(is_set_aside(folder));
  EXPECT_THAT(list_checkpoints(root.path()), IsEmpty());
  EXPECT_TRUE(fs::exists(aside / "rank_00001.h5"));
  EXPECT_THAT(testing::file_content(aside / "WHY.txt"), HasSubstr("a bit was flipped"));
}

TEST(Quarantine, OfTheSameStepAgainFindsAnotherName) {
  const TemporaryFolder root;
  for (const char* const name :
       {"iter_0000005.damaged", "iter_0000005.damaged.2", "iter_0000005.damaged.3"}) {
    EXPECT_EQ(set_aside(make_checkpoint(root.path(), 5), "x"), root / name);
  }
}

TEST(Quarantine, ThatCannotBeMadeLeavesTheFolder) {
  const TemporaryFolder root;
  const fs::path missing = root / "iter_0000005";
  EXPECT_EQ(set_aside(missing, "x"), missing);
}

}  // namespace
}  // namespace dfm::ckpt
