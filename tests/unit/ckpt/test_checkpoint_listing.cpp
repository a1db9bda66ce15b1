#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ckpt/checkpoint.h"
#include "ckpt/pointer.h"
#include "ckpt/retention.h"
#include "core/error.h"
#include "support/errors.h"
#include "unit/ckpt/made_checkpoint.h"

namespace dfm::ckpt {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TemporaryFolder;

std::vector<std::int64_t> steps(const fs::path& root) {
  std::vector<std::int64_t> found;
  for (const Listed& listed : list_checkpoints(root)) found.push_back(listed.step);
  return found;
}

// Why the only checkpoint below root is not valid; empty when it is.
std::string problem(const fs::path& root) {
  const auto listed = list_checkpoints(root);
  EXPECT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed.at(0).manifest.has_value(), listed.at(0).problem.empty());
  return listed.at(0).problem;
}

TEST(CheckpointFolder, HasSevenDigitsOrMore) {
  EXPECT_EQ(checkpoint_folder("run", 1000), fs::path("run/iter_0001000"));
  EXPECT_EQ(checkpoint_folder("run", 123456789), fs::path("run/iter_123456789"));
}

TEST(ListCheckpoints, ShowsTheNewestFirst) {
  const TemporaryFolder root;
  for (const std::int64_t step : {20, 3, 100}) make_checkpoint(root.path(), step);
  EXPECT_THAT(steps(root.path()), ElementsAre(100, 20, 3));
  EXPECT_EQ(list_checkpoints(root.path()).at(0).manifest->step, 100);
}

TEST(ListCheckpoints, LooksAtFoldersOfItsNamesOnly) {
  const TemporaryFolder root;
  for (const char* const name :
       {"iter_", "iter_x", "iter_5x", "iter_-5", "iter_99999999999999999999", "logs", "xiter_5"}) {
    fs::create_directory(root / name);
  }
  testing::write_file(root / "iter_0000007", "a file");
  EXPECT_THAT(steps(root.path()), IsEmpty());
}

TEST(ListCheckpoints, ACheckpointItselfMayBeGivenWithAndWithoutASlash) {
  const TemporaryFolder root;
  const std::string folder = make_checkpoint(root.path(), 5);
  EXPECT_THAT(steps(folder), ElementsAre(5));
  EXPECT_THAT(steps(folder + "/"), ElementsAre(5));
}

TEST(ListCheckpoints, AMissingFolderHoldsNone) {
  const TemporaryFolder root;
  EXPECT_THAT(steps(root / "nowhere"), IsEmpty());
}

TEST(ListCheckpoints, AFileInPlaceOfTheFolderIsAStorageError) {
  const TemporaryFolder root;
  testing::write_file(root / "file", "");
  try {
    list_checkpoints(root / "file");
    FAIL();
  } catch (...) {
    EXPECT_EQ(to_error(std::current_exception()).kind(), ExitCode::storage);
  }
}

TEST(ListCheckpoints, AWholeOneHasNoProblem) {
  const TemporaryFolder root;
  make_checkpoint(root.path(), 5);
  EXPECT_EQ(problem(root.path()), "");
}

TEST(ListCheckpoints, SaysWhatIsWrongWithADamagedOne) {
  const TemporaryFolder root;
  const fs::path folder = make_checkpoint(root.path(), 5);
  const std::string rank_file = testing::file_content(folder / "rank_00001.h5");
  testing::write_file(folder / "rank_00001.h5", rank_file.substr(0, 1000));
  EXPECT_THAT(problem(root.path()),
              HasSubstr(fmt::format("rank_00001.h5 has 1000 bytes instead of {}", rank_file.size())));
  fs::remove(folder / "rank_00001.h5");
  EXPECT_THAT(problem(root.path()), HasSubstr("rank_00001.h5 is missing"));
  testing::write_file(folder / kManifestName, "{}");
  EXPECT_THAT(problem(root.path()), HasSubstr("manifest.json is damaged"));
  fs::remove(folder / kManifestName);
  EXPECT_THAT(problem(root.path()), HasSubstr("it has no manifest"));
}

TEST(ListCheckpoints, AManifestThatIsAFolderIsAProblemAndNotAnError) {
  const TemporaryFolder root;
  fs::create_directories(root / "iter_0000005/manifest.json");
  EXPECT_FALSE(problem(root.path()).empty());
}

TEST(PieceFiles, BeginWithTheRanksOwn) {
  const TemporaryFolder root;
  const fs::path folder = make_checkpoint(root.path(), 5, 3);
  const Listed listed = list_checkpoints(root.path()).at(0);
  EXPECT_THAT(piece_files(listed, 0),
              ElementsAre(folder / "rank_00000.h5", folder / "rank_00001.h5", folder / "rank_00002.h5"));
  EXPECT_THAT(piece_files(listed, 2),
              ElementsAre(folder / "rank_00002.h5", folder / "rank_00000.h5", folder / "rank_00001.h5"));
  EXPECT_THAT(piece_files(listed, 7), ::testing::SizeIs(3));
}

// Five checkpoints 1, 2, ..., 5 and the pointer at 5.
class Prune : public ::testing::Test {
 protected:
  Prune() {
    for (std::int64_t step = 1; step <= 5; ++step) make_checkpoint(root_.path(), step, 1);
    write_pointer(root_.path(), 5);
  }

  std::vector<std::int64_t> steps_after(std::int64_t keep) {
    prune_checkpoints(root_.path(), {.most_recent = keep, .every = 0});
    return steps(root_.path());
  }

  TemporaryFolder root_;
};

TEST_F(Prune, KeepsTheNewest) { EXPECT_THAT(steps_after(2), ElementsAre(5, 4)); }

TEST_F(Prune, KeepsAllForANegativeNumber) { EXPECT_THAT(steps_after(-1), ElementsAre(5, 4, 3, 2, 1)); }

TEST_F(Prune, KeepsAllWhereThereAreNotMore) { EXPECT_THAT(steps_after(9), ElementsAre(5, 4, 3, 2, 1)); }

TEST_F(Prune, NeverRemovesTheLastOne) { EXPECT_THAT(steps_after(0), ElementsAre(5)); }

TEST_F(Prune, DoesNotCountDamagedOnesAndLeavesThem) {
  flip_bit(root_ / "iter_0000005/manifest.json", 50);
  fs::remove(root_ / "iter_0000003/rank_00000.h5");
  EXPECT_THAT(steps_after(1), ElementsAre(5, 4, 3));
}

TEST_F(Prune, LeavesEverythingWhereNothingIsValid) {
  for (std::int64_t step = 1; step <= 5; ++step)
    fs::remove(checkpoint_folder(root_.path(), step) / "rank_00000.h5");
  EXPECT_THAT(steps_after(1), ElementsAre(5, 4, 3, 2, 1));
}

TEST_F(Prune, LeavesUnfinishedSaves) {
  fs::remove(root_ / "iter_0000002/manifest.json");
  EXPECT_THAT(steps_after(1), ElementsAre(5, 2));
}

TEST_F(Prune, KeepsTheOneThatARunWentBackTo) {  // 4 and 5 are of a history that was left
  write_pointer(root_.path(), 3);
  EXPECT_THAT(steps_after(1), ElementsAre(5, 4, 3));
}

}  // namespace
}  // namespace dfm::ckpt
