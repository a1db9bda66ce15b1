// From pictures to shards on one rank: which sample lies where under which name, and what running again does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/agree.h"
#include "support/errors.h"
#include "unit/prepare/of_small_pictures.h"

namespace dfm::prepare {
namespace {

namespace fs = std::filesystem;
using dfm::testing::error_of;
using dfm::testing::file_content;
using dfm::testing::write_file;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Prepare : public OfSmallPictures {
 protected:
  Prepare() : OfSmallPictures(5) {}

  PrepareReport run(const Layer& more = {}) const { return run_into(shards_, more); }
};

TEST_F(Prepare, CutsTheSourceIntoShardsOfTheGivenSize) {
  const PrepareReport report = run();
  EXPECT_EQ(report.exit_code(), ExitCode::done);
  EXPECT_EQ(report.shards, 3);
  EXPECT_EQ(report.samples, 5);
  EXPECT_EQ(report.shards_found, 0);
  EXPECT_EQ(shards_of(shards_).size(), 3U);
}

TEST_F(Prepare, NamesSamplesByTheirPlaceInTheSource) {
  run();
  EXPECT_THAT(member_names(shard(0)), ElementsAre("000000.json", "000000.pickle", "000000.pth", "000001.json",
                                                  "000001.pickle", "000001.pth"));
  EXPECT_THAT(member_names(shard(2)), ElementsAre("000004.json", "000004.pickle", "000004.pth"));
}

TEST_F(Prepare, MakesExactlyOneShardOfExactlyOneShardful) {
  EXPECT_EQ(run({{"prepare.shard_maxcount", "5", "test"}}).shards, 1);
  EXPECT_EQ(member_names(shard(0)).size(), 15U);
}

TEST_F(Prepare, GivesTheSameBytesEachTime) {
  run();
  const auto first = shards_of(shards_);
  fs::remove_all(shards_);
  run();
  EXPECT_EQ(shards_of(shards_), first);
}

TEST_F(Prepare, MakesOnlyWhatIsMissingWhenItRunsAgain) {
  run();
  const auto first = shards_of(shards_);
  fs::remove(shard(1));
  const auto untouched = fs::last_write_time(shard(0));
  const PrepareReport again = run();
  EXPECT_EQ(again.shards_found, 2);
  EXPECT_EQ(again.samples, 5);
  EXPECT_EQ(shards_of(shards_), first);
  EXPECT_EQ(fs::last_write_time(shard(0)), untouched);
}

// The record is written before the shard, so a shard without one is not its work.
TEST_F(Prepare, MakesAShardWithoutItsRecordAgain) {
  run();
  const auto first = shards_of(shards_);
  fs::remove(shards_ / ".dfm_prepare" / "shard_000002.json");
  write_file(shard(2), "something else");
  EXPECT_EQ(run().shards_found, 2);
  EXPECT_EQ(shards_of(shards_), first);
}

TEST_F(Prepare, LeavesOutWhatItCannotUseAndSaysSoAlsoTheNextTime) {
  fs::remove(pictures_ / "p1.txt");
  write_file(pictures_ / "p3.png", "no picture");
  for (int time = 0; time < 2; ++time) {
    const PrepareReport report = run();
    EXPECT_EQ(report.exit_code(), ExitCode::partial);
    EXPECT_EQ(report.samples, 3);
    EXPECT_THAT(report.skipped, ElementsAre(HasSubstr("p1.png has no caption"), HasSubstr("p3.png")));
  }
}

TEST_F(Prepare, KeepsTheNamesOfTheOthersWhenOneIsLeftOut) {
  run();
  const std::string whole = tar_members(shard(1)).at(5).content;
  fs::remove_all(shards_);
  write_file(pictures_ / "p2.png", "no picture");
  run();
  const auto members = tar_members(shard(1));
  ASSERT_EQ(members.size(), 3U);
  EXPECT_EQ(members[2].name, "000003.pth");
  EXPECT_EQ(members[2].content, whole);
}

TEST_F(Prepare, EndsAtABadPictureWhereAskedToAndGoesOnOnceItIsMended) {
  const std::string good = file_content(pictures_ / "p3.png");
  write_file(pictures_ / "p3.png", "no picture");
  const Layer fail{{"prepare.on_bad_input", "fail", "test"}};
  const Error error = error_of([&] { run(fail); });
  EXPECT_EQ(error.kind(), ExitCode::data);
  EXPECT_THAT(error.what(), HasSubstr("p3.png"));
  EXPECT_FALSE(fs::exists(shard(1)));
  write_file(pictures_ / "p3.png", good);
  const PrepareReport report = run(fail);
  EXPECT_EQ(report.shards_found, 1);
  EXPECT_EQ(report.samples, 5);
}

TEST_F(Prepare, RefusesAFolderOfShardsWithOtherSettings) {
  run();
  const auto first = shards_of(shards_);
  const Error error = error_of([&] { run({{"prepare.shard_maxcount", "3", "test"}}); });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_EQ(shards_of(shards_), first);
}

TEST_F(Prepare, RefusesAFolderOfShardsOfAnotherSource) {
  run();
  write_pictures(pictures_, 6);
  EXPECT_EQ(error_of([&] { run(); }).kind(), ExitCode::usage);
}

TEST_F(Prepare, RefusesAFolderOfShardsThatItDidNotMake) {
  fs::create_directories(shards_);
  write_file(shards_ / "theirs.tar", "precious");
  EXPECT_EQ(error_of([&] { run(); }).kind(), ExitCode::usage);
  EXPECT_EQ(file_content(shards_ / "theirs.tar"), "precious");
}

}  // namespace
}  // namespace dfm::prepare
