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

}  // namespace
}  // namespace dfm
