// Saving beside the work of the ranks: the same bytes as a save that is waited for, an error of one rank
// thrown on all, damaged checkpoints set aside.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ckpt/checkpoint.h"
#include "ckpt/commit.h"
#include "ckpt/pointer.h"
#include "ckpt/saver.h"
#include "comm/agree.h"
#include "mpi/newest_valid.h"
#include "mpi/shared_folder.h"
#include "support/errors.h"
#include "unit/ckpt/made_checkpoint.h"

namespace dfm::ckpt {
namespace {

namespace fs = std::filesystem;
using testing::error_of;
using ::testing::HasSubstr;
using testing::SharedFolder;

class Saving : public ::testing::Test {
 protected:
  SaverSettings settings(const std::string& name, bool async = true) const {
    return {.root = folder_ / name, .retention = {.most_recent = 2, .every = 0}, .async = async};
  }
  static Manifest manifest(std::int64_t step) {
    Manifest manifest;
    manifest.step = step;
    manifest.reason = "interval";
    return manifest;
  }
  std::vector<Piece> pieces() const {
    const Shape shape{1000, world_.size()};
    return {{kWeights, "w", shape, 1000 * world_.rank(), values_},
            {kFirstMoment, "w", shape, 1000 * world_.rank(), values_}};
  }
  fs::path own_file(const fs::path& checkpoint) const {
    return checkpoint / fmt::format("rank_{:05}.h5", world_.rank());
  }

  const comm::Group world_ = comm::Group::world();
  const SharedFolder folder_{world_};
  std::vector<float> values_ = std::vector<float>(1000, 0.5F + static_cast<float>(world_.rank()));
};

TEST_F(Saving, BesideTheWorkGivesTheBytesOfASaveThatIsWaitedFor) {
  Saver waiting(world_, settings("waiting", false)), beside(world_, settings("beside"));
  const auto expected = waiting.begin(manifest(3), pieces());
  ASSERT_TRUE(expected);
  EXPECT_FALSE(beside.begin(manifest(3), pieces()));
  EXPECT_TRUE(beside.in_flight());
  beside.wait_for_copy();
  std::ranges::fill(values_, -1.0F);  // the step that follows
  const auto saved = beside.finish();
  ASSERT_TRUE(saved);
  EXPECT_EQ(saved->step, 3);
  EXPECT_EQ(saved->bytes, expected->bytes);
  EXPECT_EQ(testing::file_content(own_file(saved->folder)),
            testing::file_content(own_file(expected->folder)));
  EXPECT_EQ(dfm::testing::newest_valid(world_, folder_ / "beside")->manifest->reason, "interval");
}

TEST_F(Saving, IsAnnouncedOnlyAtTheEnd) {
  Saver saver(world_, settings("run"));
  saver.begin(manifest(1), pieces());
  EXPECT_FALSE(saver.advance());  // written; rank 0 goes on
  EXPECT_TRUE(saver.advance());
  EXPECT_FALSE(saver.advance());
  EXPECT_EQ(read_pointer(folder_ / "run"), 1);
}

TEST_F(Saving, OneAfterTheOtherGivesTheEarlierOneAndKeepsTheNewest) {
  Saver saver(world_, settings("run"));
  saver.begin(manifest(1), pieces());
  for (std::int64_t step = 2; step <= 4; ++step)
    EXPECT_EQ(saver.begin(manifest(step), pieces())->step, step - 1);
  EXPECT_EQ(saver.finish()->step, 4);
  world_.barrier();
  EXPECT_EQ(list_checkpoints(folder_ / "run").size(), 2U);
  world_.barrier();
}

TEST_F(Saving, ThatFailsOnOneRankFailsOnAllAndLeavesNothing) {
  Saver saver(world_, settings("run"));
  saver.save_now(manifest(1), pieces());
  const int failing = world_.size() - 1;
  const fs::path staging = staging_folder(folder_ / "run", 2);
  if (world_.rank() == 0) fs::create_directories(staging / fmt::format("rank_{:05}.h5", failing));
  world_.barrier();
  saver.begin(manifest(2), pieces());
  const Error error = error_of([&] { saver.finish(); });
  EXPECT_EQ(error.kind(), ExitCode::storage);
  EXPECT_THAT(error.what(), HasSubstr(fmt::format("rank_{:05}.h5", failing)));
  EXPECT_FALSE(saver.in_flight());
  world_.barrier();
  EXPECT_FALSE(fs::exists(staging));
  EXPECT_EQ(read_pointer(folder_ / "run"), 1);
  world_.barrier();
  EXPECT_EQ(saver.save_now(manifest(2), pieces()).step, 2);
}

TEST_F(Saving, OverADamagedCheckpointWorksOnceItWasSetAside) {
  Saver saver(world_, settings("run"));
  for (const std::int64_t step : {1, 2}) saver.save_now(manifest(step), pieces());
  const fs::path damaged = checkpoint_folder(folder_ / "run", 2);
  if (world_.rank() == 0) flip_bit(damaged / "rank_00000.h5", 9000);
  world_.barrier();
  const auto verify = [&](const Listed& candidate) { verify_checksums(world_, candidate); };
  EXPECT_EQ(load_newest(world_, folder_ / "run", Damaged::set_aside, verify)->step, 1);
  world_.barrier();
  EXPECT_TRUE(fs::exists(damaged.native() + ".damaged/WHY.txt"));
  EXPECT_EQ(saver.save_now(manifest(2), pieces()).step, 2);
  EXPECT_EQ(load_newest(world_, folder_ / "run", Damaged::set_aside, verify)->step, 2);
}

TEST_F(Saving, ThatCannotBeReadNowIsAnErrorAndNoDamage) {
  Saver saver(world_, settings("run"));
  saver.save_now(manifest(1), pieces());
  const auto cannot_read = [&](const Listed&) {
    throw comm::AgreedError(ExitCode::storage, "cannot read x: Input/output error");
  };
  EXPECT_EQ(error_of([&] { load_newest(world_, folder_ / "run", Damaged::set_aside, cannot_read); }).kind(),
            ExitCode::storage);
  EXPECT_TRUE(fs::exists(checkpoint_folder(folder_ / "run", 1)));
}

}  // namespace
}  // namespace dfm::ckpt
