// A folder that one program at a time fills.
#include <optional>

#include <gtest/gtest.h>
#include <unistd.h>

#include "core/file.h"
#include "core/folder_lock.h"
#include "support/temporary_folder.h"

namespace dfm {
namespace {

namespace fs = std::filesystem;

TEST(FolderLock, IsHeldByOneAtATime) {
  const testing::TemporaryFolder folder;
  std::optional<FolderLock> first = FolderLock::attempt(folder.path());
  ASSERT_TRUE(first);
  EXPECT_FALSE(FolderLock::attempt(folder.path()));
  EXPECT_FALSE(FolderLock::attempt(folder.path()));  // asking takes nothing away
  first.reset();
  EXPECT_TRUE(FolderLock::attempt(folder.path()));
}

TEST(FolderLock, SaysWhoHasItAndLeavesNothing) {
  const testing::TemporaryFolder folder;
  {
    const FolderLock lock = lock_folder(folder.path());
    EXPECT_NE(read_text(folder / ".in_use").find(", process " + std::to_string(::getpid())),
              std::string::npos);
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(FolderLock, OfAKilledProgramIsFree) {
  const testing::TemporaryFolder folder;
  testing::write_file(folder / ".in_use", "node7, process 4711");
  EXPECT_TRUE(FolderLock::attempt(folder.path()));
}

TEST(FolderLock, IsNoneWhereItsFileCannotBeMade) {
  const testing::TemporaryFolder folder;
  EXPECT_NO_THROW(lock_folder(folder / "nowhere"));
  EXPECT_NO_THROW(lock_folder(folder / "nowhere"));
}

TEST(FolderLock, StaysLockedWhenItsVariableIsMoved) {
  const testing::TemporaryFolder folder;
  FolderLock first = lock_folder(folder.path());
  const FolderLock moved = std::move(first);
  EXPECT_FALSE(FolderLock::attempt(folder.path()));
}

TEST(OutputLock, IsBesideTheOutputWhetherThatIsAFileOrAFolder) {
  const testing::TemporaryFolder folder;
  for (const char* const name : {"model.pth", "parts/"}) {
    std::optional<FolderLock> lock = lock_output(folder / name);
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1) << name;
    const std::string stem = std::string(name).substr(0, std::string(name).find('/'));
    EXPECT_FALSE(FolderLock::attempt_on(folder / ("." + stem + ".in_use"))) << name;
    lock.reset();
    EXPECT_TRUE(fs::is_empty(folder.path())) << name;
  }
}

TEST(OutputLock, LeavesOtherOutputsOfTheFolderAlone) {
  const testing::TemporaryFolder folder;
  const FolderLock whole = lock_folder(folder.path()), first = lock_output(folder / "a.pth");
  EXPECT_NO_THROW(lock_output(folder / "b.pth"));
}

}  // namespace
}  // namespace dfm
