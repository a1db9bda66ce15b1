// A checkpoint that somebody reads is not pruned.
#include <gtest/gtest.h>

#include "ckpt/manifest_lock.h"
#include "ckpt/retention.h"
#include "unit/ckpt/made_checkpoint.h"

namespace dfm::ckpt {
namespace {

namespace fs = std::filesystem;

class Read : public ::testing::Test {
 protected:
  Read() {
    for (const std::int64_t step : {1, 2, 3}) make_checkpoint(folder_.path(), step);
  }
  void prune() const { prune_checkpoints(folder_.path(), {.most_recent = 1}); }
  fs::path checkpoint(std::int64_t step) const { return checkpoint_folder(folder_.path(), step); }

  dfm::testing::TemporaryFolder folder_;
};

TEST_F(Read, IsNotRemovedUntilNobodyReadsIt) {
  auto first = ManifestLock::to_read(checkpoint(1)), second = ManifestLock::to_read(checkpoint(1));
  ASSERT_TRUE(first && second);
  prune();
  EXPECT_FALSE(fs::exists(checkpoint(2)));
  first.reset();
  prune();
  EXPECT_TRUE(fs::exists(checkpoint(1) / "rank_00001.h5"));
  second.reset();
  prune();
  EXPECT_FALSE(fs::exists(checkpoint(1)));
  EXPECT_TRUE(fs::exists(checkpoint(3)));
}

TEST_F(Read, IsNothingThatIsGoneOrBeingRemoved) {
  const auto removing = ManifestLock::to_remove(checkpoint(1));
  ASSERT_TRUE(removing);
  EXPECT_FALSE(ManifestLock::to_read(checkpoint(1)));
  prune();
  EXPECT_FALSE(ManifestLock::to_read(checkpoint(2)));
}

TEST_F(Read, LeavesNothingInTheCheckpoint) {
  const auto count = [&] {
    return std::distance(fs::directory_iterator(checkpoint(1)), fs::directory_iterator());
  };
  const auto before = count();
  const auto lock = ManifestLock::to_read(checkpoint(1));
  EXPECT_EQ(count(), before);
}

}  // namespace
}  // namespace dfm::ckpt
