#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/hash.h"
#include "stage/stage_folder.h"
#include "support/small_disk.h"
#include "support/temporary_folder.h"

namespace dfm::stage {
namespace {

namespace fs = std::filesystem;
using dfm::testing::file_content;
using ::testing::HasSubstr;

class TheStageFolder : public ::testing::Test {
 protected:
  TheStageFolder() {
    shared_.write("x/a.tar", "content");
    files_ = look_at_files(shared_.path(), {"x/a.tar"});
  }
  void stage() const {
    const StageFolder folder(path(), files_, AtEnd::keep);
    IncomingFile copy(folder, files_[0]);
    copy.append(std::as_bytes(std::span(std::string_view("content"))));
    copy.commit(hash64("content"));
  }
  fs::path path() const { return scratch_ / "stage"; }

  const dfm::testing::TemporaryFolder shared_, scratch_;
  std::vector<StageFile> files_;
};

TEST_F(TheStageFolder, LeavesNothingOfACopyThatWasNotFinished) {
  const StageFolder folder(path(), files_, AtEnd::keep);
  {
    IncomingFile copy(folder, files_[0]);
    copy.append(std::as_bytes(std::span(std::string_view("cont"))));
  }
  EXPECT_TRUE(fs::is_empty(path() / "x"));
}

TEST_F(TheStageFolder, RefusesACopyThatIsNotWhatWasSent) {
  const StageFolder folder(path(), files_, AtEnd::keep);
  {
    IncomingFile copy(folder, files_[0]);
    copy.append(std::as_bytes(std::span(std::string_view("c0ntent"))));
    EXPECT_THROW(copy.commit(hash64("content")), Error);
  }
  EXPECT_TRUE(fs::is_empty(path() / "x"));
}

TEST_F(TheStageFolder, HidesAnEarlierCopyUntilItIsVerified) {
  stage();
  const StageFolder folder(path(), files_, AtEnd::keep);
  EXPECT_FALSE(fs::exists(path() / "x/a.tar"));
  EXPECT_TRUE(folder.restore(files_[0]));
  EXPECT_EQ(file_content(path() / "x/a.tar"), "content");
}

TEST_F(TheStageFolder, DropsACopyOfASourceThatWasRewritten) {
  stage();
  files_[0].modified_ns += 1;
  const StageFolder folder(path(), files_, AtEnd::keep);
  EXPECT_FALSE(folder.restore(files_[0]));
  EXPECT_TRUE(fs::is_empty(path() / "x"));
}

TEST_F(TheStageFolder, DropsACopyWithOtherBytes) {
  stage();
  dfm::testing::write_file(path() / "x/a.tar", "c0ntent");
  const StageFolder folder(path(), files_, AtEnd::keep);
  EXPECT_FALSE(folder.restore(files_[0]));
}

TEST_F(TheStageFolder, RemovesPartialFilesOfARunThatWasKilled) {
  stage();
  dfm::testing::write_file(path() / "x/.a.tar.partial", "half");
  const StageFolder folder(path(), files_, AtEnd::keep);
  EXPECT_FALSE(fs::exists(path() / "x/.a.tar.partial"));
}

TEST_F(TheStageFolder, IsFilledByOneRunAtATime) {
  const StageFolder first(path(), files_, AtEnd::keep);
  try {
    const StageFolder second(path(), files_, AtEnd::keep);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ExitCode::storage);
    EXPECT_THAT(error.what(), HasSubstr("in use by another run"));
  }
}

TEST_F(TheStageFolder, SaysThatTheDiskIsFull) {
  const dfm::testing::SmallDisk disk(64U << 10U);
  if (!disk.is_mounted()) GTEST_SKIP() << "only root can mount a small disk";
  const StageFolder folder(disk / "stage", files_, AtEnd::keep);
  EXPECT_LT(folder.room_bytes(0.5), 40U << 10U);
  const std::vector<std::byte> much(128U << 10U);
  try {
    IncomingFile copy(folder, files_[0]);
    copy.append(much);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ExitCode::storage);
    EXPECT_THAT(error.what(), HasSubstr("No space left"));
  }
  EXPECT_TRUE(fs::is_empty(disk / "stage/x"));
}

TEST_F(TheStageFolder, RefusesNamesThatLeadOut) {
  EXPECT_THROW(look_at_files(shared_.path(), {"../a.tar"}), Error);
  EXPECT_THROW(look_at_files(shared_.path(), {"x/../../a.tar"}), Error);
}

}  // namespace
}  // namespace dfm::stage
