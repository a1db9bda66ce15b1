// A write is all or nothing: whoever is killed or refused on the way leaves the old content.
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "core/file.h"
#include "support/child_process.h"
#include "support/errors.h"
#include "support/small_disk.h"

namespace dfm {
namespace {

namespace fs = std::filesystem;
using testing::error_of;
using testing::file_content;
using ::testing::HasSubstr;
using testing::run_in_child;
using testing::SmallDisk;
using testing::TemporaryFolder;
using ::testing::UnorderedElementsAre;
using testing::write_file;

constexpr uid_t kNobody = 65534;

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  return names;
}

// Runs body in a child and expects an error whose hint holds `hint`. The child's standard error says what
// differed.
template <class Body>
void expect_storage_error_in_child(const std::string& hint, Body&& body) {
  const auto result = run_in_child([&] {
    try {
      body();
    } catch (const Error& error) {
      std::fprintf(stderr, "%s | %s\n", error.what(), error.hint().c_str());
      return error.kind() == ExitCode::storage && error.hint().find(hint) != std::string::npos ? 0 : 1;
    }
    return 2;
  });
  EXPECT_EQ(result.exit_code, 0) << result.standard_error << "signal " << result.signal_number;
}

TEST(DurableFile, TheNameAppearsWithTheWholeContentOnly) {
  const TemporaryFolder folder;
  DurableFile file(folder / "result");
  file.append("first ");
  EXPECT_FALSE(fs::exists(folder / "result"));
  file.append("second");
  file.commit();
  EXPECT_EQ(file_content(folder / "result"), "first second");
  EXPECT_THAT(names_in(folder.path()), UnorderedElementsAre("result"));
}

TEST(DurableFile, WithoutCommitNothingChangesAndNothingIsLeft) {
  const TemporaryFolder folder;
  write_file(folder / "result", "old");
  { DurableFile(folder / "result").append("new"); }
  EXPECT_EQ(file_content(folder / "result"), "old");
  EXPECT_THAT(names_in(folder.path()), UnorderedElementsAre("result"));
}

TEST(DurableFile, MayBeMovedBeforeItIsCommitted) {
  const TemporaryFolder folder;
  DurableFile first(folder / "result");
  first.append("text");
  {
    DurableFile second(std::move(first));
    second.commit();
  }
  EXPECT_EQ(file_content(folder / "result"), "text");
}

TEST(DurableFile, AWriterThatIsKilledLeavesTheOldContent) {
  const TemporaryFolder folder;
  write_file(folder / "result", "old");
  const auto result = run_in_child([&] {
    DurableFile file(folder / "result");
    file.append("new");
    std::raise(SIGKILL);
    return 0;
  });
  ASSERT_EQ(result.signal_number, SIGKILL);
  EXPECT_EQ(file_content(folder / "result"), "old");
}

TEST(DurableFile, TheRemainsOfAKilledWriterAreNotInTheWay) {
  const TemporaryFolder folder;
  write_file(temporary_name(folder / "result"), "much longer remains of somebody who was killed");
  write_durably(folder / "result", "new");
  EXPECT_EQ(file_content(folder / "result"), "new");
  EXPECT_THAT(names_in(folder.path()), UnorderedElementsAre("result"));
}

TEST(DurableFile, AFolderWithItsNameIsAStorageErrorAndStays) {
  const TemporaryFolder folder;
  make_folder(folder / "result");
  EXPECT_EQ(error_of([&] { write_durably(folder / "result", "text"); }).kind(), ExitCode::storage);
  EXPECT_THAT(names_in(folder.path()), UnorderedElementsAre("result"));
}

TEST(DurableFile, AFullDiskIsAStorageErrorThatKeepsTheOldContent) {
  const SmallDisk disk(64 << 10);
  if (!disk.is_mounted()) GTEST_SKIP() << "only root can mount a small disk";
  write_file(disk / "result", "old");
  const Error error = error_of([&] { write_durably(disk / "result", std::string(1 << 20, 'x')); });
  EXPECT_EQ(error.kind(), ExitCode::storage);
  EXPECT_THAT(error.hint(), HasSubstr("the file system is full"));
  EXPECT_EQ(file_content(disk / "result"), "old");
  EXPECT_THAT(names_in(disk.path()), UnorderedElementsAre("result"));
}

TEST(DurableFile, AReadOnlyFileSystemIsAStorageError) {
  const SmallDisk disk(64 << 10);
  if (!disk.is_mounted()) GTEST_SKIP() << "only root can mount a small disk";
  disk.make_read_only();
  const Error error = error_of([&] { write_durably(disk / "result", "x"); });
  EXPECT_EQ(error.kind(), ExitCode::storage);
  EXPECT_THAT(error.hint(), HasSubstr("read-only"));
  EXPECT_THAT(error_of([&] { make_folder(disk / "folder"); }).hint(), HasSubstr("read-only"));
}

TEST(DurableFile, ALimitOnFileSizesIsAStorageErrorThatKeepsTheOldContent) {
  const TemporaryFolder folder;
  write_file(folder / "result", "old");
  expect_storage_error_in_child("ulimit -f", [&] {
    const rlimit limit{4096, 4096};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    std::signal(SIGXFSZ, SIG_IGN);  // as run_program does
    write_durably(folder / "result", std::string(10'000, 'x'));
  });
  EXPECT_EQ(file_content(folder / "result"), "old");
  EXPECT_THAT(names_in(folder.path()), UnorderedElementsAre("result"));
}

TEST(DurableFile, TooManyOpenFilesIsAStorageError) {
  const TemporaryFolder folder;
  expect_storage_error_in_child("ulimit -n", [&] {
    const rlimit limit{8, 8};
    ::setrlimit(RLIMIT_NOFILE, &limit);
    std::vector<File> files;
    for (int i = 0; i < 20; ++i) files.push_back(File::create(folder / std::to_string(i)));
  });
}

TEST(DurableFile, AFolderWithoutPermissionIsAStorageError) {
  const TemporaryFolder folder;
  make_folder(folder / "inner");
  write_file(folder / "inner/result", "old");
  fs::permissions(folder.path(), fs::perms(0755));
  fs::permissions(folder / "inner", fs::perms(0555));
  expect_storage_error_in_child("permissions", [&] {
    if (::geteuid() == 0 && ::setuid(kNobody) != 0) return;  // root may do everything
    write_durably(folder / "inner/result", "new");
  });
  EXPECT_EQ(file_content(folder / "inner/result"), "old");
}

TEST(CommitDurably, GivesAForeignFileItsName) {
  const TemporaryFolder folder;
  write_file(folder / "made.tmp", "by another library");
  commit_durably(folder / "made.tmp", folder / "result");
  EXPECT_EQ(file_content(folder / "result"), "by another library");
  EXPECT_FALSE(fs::exists(folder / "made.tmp"));
}

TEST(CommitDurably, OfAFileThatIsNotThereIsAStorageError) {
  const TemporaryFolder folder;
  EXPECT_EQ(error_of([&] { commit_durably(folder / "nowhere", folder / "result"); }).kind(),
            ExitCode::storage);
}

TEST(TemporaryName, IsHiddenInTheSameFolder) {
  EXPECT_EQ(temporary_name("a/b/result.h5"), fs::path("a/b/.result.h5.partial"));
  EXPECT_EQ(temporary_name("result"), fs::path(".result.partial"));
}

TEST(SyncFolder, AcceptsFoldersAndTheEmptyNameOfTheCurrentOne) {
  const TemporaryFolder folder;
  EXPECT_NO_THROW(sync_folder(folder.path()));
  EXPECT_NO_THROW(sync_folder(""));
  EXPECT_EQ(error_of([&] { sync_folder(folder / "nowhere"); }).kind(), ExitCode::storage);
}

}  // namespace
}  // namespace dfm
