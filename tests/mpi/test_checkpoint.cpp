// Checkpoints of several ranks: what all wrote is read by any, and a save that fails on one rank fails on all
// and announces nothing.
#include <fstream>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ckpt/commit.h"
#include "ckpt/overview.h"
#include "ckpt/pointer.h"
#include "ckpt/retention.h"
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

const Shape kShape{13, 11};
constexpr std::int64_t kElements = 143;

float value_at(std::int64_t step, std::int64_t i) { return static_cast<float>(step * 1000 + i) / 3; }

class Checkpoint : public ::testing::Test {
 protected:
  Saver saver() const { return Saver(world_, {.root = folder_.path(), .retention = {}}); }
  // Collective. One tensor, of which rank r holds elements [143 r / n, 143 (r + 1) / n).
  void save(std::int64_t step) const {
    const std::int64_t begin = kElements * world_.rank() / world_.size();
    const std::int64_t end = kElements * (world_.rank() + 1) / world_.size();
    std::vector<float> values;
    for (std::int64_t i = begin; i < end; ++i) values.push_back(value_at(step, i));
    Manifest manifest;
    manifest.step = step;
    saver().save_now(manifest, {{kWeights, "w", kShape, begin, values}});
  }
  fs::path folder_of(std::int64_t step) const { return checkpoint_folder(folder_.path(), step); }
  fs::path staging_of(std::int64_t step) const { return staging_folder(folder_.path(), step); }
  std::optional<std::int64_t> newest() const {
    const auto found = dfm::testing::newest_valid(world_, folder_.path());
    return found ? std::optional(found->step) : std::nullopt;
  }
  // Collective. Rank 0 does it, the others wait.
  template <class Body>
  void on_rank_0(Body&& body) const {
    if (world_.rank() == 0) body();
    world_.barrier();
  }

  const comm::Group world_ = comm::Group::world();
  const SharedFolder folder_{world_};
};

void expect_range(const Listed& checkpoint, int own_rank, std::int64_t begin, std::int64_t end) {
  std::vector<float> values(static_cast<std::size_t>(end - begin));
  PieceReader reader(piece_files(checkpoint, own_rank));
  reader.read(kWeights, "w", kShape, begin, values);
  for (std::int64_t i = begin; i < end; ++i) {
    ASSERT_EQ(values[static_cast<std::size_t>(i - begin)], value_at(checkpoint.step, i)) << "element " << i;
  }
}

TEST_F(Checkpoint, OfAllRanksIsReadWholeByEach) {
  save(7);
  const auto found = dfm::testing::newest_valid(world_, folder_.path());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->manifest->ranks, world_.size());
  EXPECT_EQ(found->manifest->files.size(), static_cast<std::size_t>(world_.size()));
  expect_range(*found, world_.rank(), 0, kElements);
}

TEST_F(Checkpoint, IsReadAsTheRangesOfAnyOtherNumberOfRanks) {
  save(7);
  const auto found = dfm::testing::newest_valid(world_, folder_.path());
  ASSERT_TRUE(found);
  for (std::int64_t readers = 1; readers <= 9; ++readers) {
    for (std::int64_t r = 0; r < readers; ++r) {
      expect_range(*found, static_cast<int>(r), kElements * r / readers, kElements * (r + 1) / readers);
    }
  }
}

TEST_F(Checkpoint, WhoseFileOneRankCannotWriteFailsOnAllWithOneMessage) {
  save(1);
  const int failing = world_.size() - 1;
  on_rank_0([&] { fs::create_directories(staging_of(2) / fmt::format("rank_{:05}.h5", failing)); });
  const Error error = error_of([&] { save(2); });
  EXPECT_EQ(error.kind(), ExitCode::storage);
  EXPECT_THAT(error.what(), HasSubstr(fmt::format("rank_{:05}.h5", failing)));
  for (const std::string& other : world_.all_gather_text(error.what())) EXPECT_EQ(other, error.what());
  EXPECT_FALSE(fs::exists(folder_of(2)));
  EXPECT_FALSE(fs::exists(staging_of(2)));
  EXPECT_EQ(read_pointer(folder_.path()), 1);
  EXPECT_EQ(newest(), 1);
}

TEST_F(Checkpoint, ThatFailedIsSavedOnceTheReasonIsGone) {
  const fs::path in_the_way = staging_of(2) / "rank_00000.h5";
  on_rank_0([&] { fs::create_directories(in_the_way); });
  EXPECT_THROW(save(2), comm::AgreedError);
  world_.barrier();
  on_rank_0([&] { fs::remove(in_the_way); });
  save(2);
  EXPECT_EQ(newest(), 2);
}

TEST_F(Checkpoint, WithoutARootThatCanBeMadeFailsOnAll) {
  on_rank_0([&] { std::ofstream(staging_of(3)) << "a file"; });
  EXPECT_EQ(error_of([&] { save(3); }).kind(), ExitCode::storage);
}

TEST_F(Checkpoint, LeavesOutFilesOfAnEarlierAttemptWithMoreRanks) {
  const fs::path stranger = staging_of(4) / "rank_00009.h5";
  on_rank_0([&] {
    fs::create_directories(staging_of(4));
    std::ofstream(stranger) << "old";
  });
  save(4);
  EXPECT_FALSE(fs::exists(folder_of(4) / stranger.filename()));
  EXPECT_EQ(newest(), 4);
}

TEST_F(Checkpoint, ThatIsDamagedIsPassedOverByAllRanks) {
  save(1);
  save(2);
  on_rank_0([&] {
    const fs::path last = folder_of(2) / fmt::format("rank_{:05}.h5", world_.size() - 1);
    flip_bit(last, fs::file_size(last) - 1);
  });
  EXPECT_EQ(newest(), 1);
}

TEST_F(Checkpoint, NewerThanThePointerIsNotTaken) {
  for (const std::int64_t step : {1, 2, 3}) save(step);
  on_rank_0([&] { write_pointer(folder_.path(), 2); });
  EXPECT_EQ(newest(), 2);
}

TEST_F(Checkpoint, OfWhichNoneIsWholeIsAnErrorOnAllRanks) {
  save(1);
  on_rank_0([&] { fs::remove(folder_of(1) / "rank_00000.h5"); });
  EXPECT_EQ(error_of([&] { newest(); }).kind(), ExitCode::no_checkpoint);
}

TEST_F(Checkpoint, IsNotFoundWhereNoneWasSaved) { EXPECT_EQ(newest(), std::nullopt); }

TEST_F(Checkpoint, OfTheNewestStepsAreKept) {
  for (const std::int64_t step : {10, 20, 30, 40}) save(step);
  on_rank_0([&] { prune_checkpoints(folder_.path(), {.most_recent = 2, .every = 0}); });
  for (const std::int64_t step : {10, 20}) EXPECT_FALSE(fs::exists(folder_of(step))) << step;
  for (const std::int64_t step : {30, 40}) EXPECT_TRUE(fs::exists(folder_of(step) / kManifestName)) << step;
  EXPECT_EQ(newest(), 40);
}

TEST_F(Checkpoint, SavedOverAnOldOneHoldsTheNewValues) {
  save(5);
  std::vector<float> zeros(kElements, 0.0F);
  Manifest manifest;
  manifest.step = 5;
  const bool holds = world_.rank() == 0;
  saver().save_now(manifest,
                   holds ? std::vector<Piece>{{kWeights, "w", kShape, 0, zeros}} : std::vector<Piece>{});
  const auto found = dfm::testing::newest_valid(world_, folder_.path());
  ASSERT_TRUE(found);
  std::vector<float> values(kElements, 1.0F);
  PieceReader(piece_files(*found, world_.rank())).read(kWeights, "w", kShape, 0, values);
  EXPECT_EQ(values, zeros);
}

TEST_F(Checkpoint, VerifyingFindsWhatIsDamagedAndForgetsWhatIsGoneMeanwhile) {
  for (const std::int64_t step : {1, 2, 3}) save(step);
  std::vector<OverviewRow> rows = overview(folder_.path());
  world_.barrier();
  on_rank_0([&] {
    remove_checkpoint(folder_of(2));
    std::ofstream(folder_of(1) / "rank_00000.h5", std::ios::in | std::ios::out).seekp(100).put('x');
  });
  EXPECT_TRUE(verify_all(world_, rows));
  ASSERT_EQ(rows.size(), 2);
  EXPECT_EQ(rows[0].listed.step, 3);
  EXPECT_EQ(rows[0].soundness, Soundness::valid);
  EXPECT_EQ(rows[1].listed.step, 1);
  EXPECT_EQ(rows[1].soundness, Soundness::damaged);
}

}  // namespace
}  // namespace dfm::ckpt
