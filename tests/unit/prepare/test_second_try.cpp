// Items that were left out and can be used now: which shards change, and to which bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

class SecondTry : public OfSmallPictures {
 protected:
  SecondTry() : OfSmallPictures(9) {}

  PrepareReport run() const { return run_into(shards_, of_three_); }
  // As if nothing had ever been left out.
  std::map<std::string, std::string> shards_of_a_first_run() const {
    run_into(folder_ / "first", of_three_);
    return shards_of(folder_ / "first");
  }
  void damage(int number) const { write_file(pictures_ / fmt::format("p{}.png", number), "no picture"); }
  void put_back(int number) const {
    write_file(pictures_ / fmt::format("p{}.png", number), media::encode_png(small_picture(number)));
  }

  const Layer of_three_{{"prepare.shard_maxcount", "3", "test"}};
};

TEST_F(SecondTry, GivesTheBytesOfARunThatLeftNothingOut) {
  for (const int number : {0, 1, 5, 7}) damage(number);
  fs::remove(pictures_ / "p8.txt");
  EXPECT_EQ(run().exit_code(), ExitCode::partial);
  for (const int number : {0, 1, 5, 7}) put_back(number);
  write_file(pictures_ / "p8.txt", "picture 8");
  const PrepareReport report = run();
  EXPECT_EQ(report.exit_code(), ExitCode::done);
  EXPECT_EQ(report.samples, 9);
  EXPECT_EQ(report.mended, 5);
  EXPECT_EQ(shards_of(shards_), shards_of_a_first_run());
  EXPECT_EQ(run().mended, 0);
}

TEST_F(SecondTry, WritesNoShardThatGainsNothing) {
  for (const int number : {1, 4}) damage(number);
  run();
  const auto whole = fs::last_write_time(shard(2)), poor = fs::last_write_time(shard(1));
  put_back(1);
  const PrepareReport report = run();
  EXPECT_EQ(report.mended, 1);
  EXPECT_THAT(report.skipped, ElementsAre(HasSubstr("p4.png")));
  EXPECT_EQ(fs::last_write_time(shard(2)), whole);
  EXPECT_EQ(fs::last_write_time(shard(1)), poor);
  EXPECT_EQ(shards_of(shards_), shards_of_a_first_run());
}

// Their pictures are damaged by now: whoever made them again would leave them out.
TEST_F(SecondTry, MakesNoSampleAgainThatIsThere) {
  damage(1);
  run();
  put_back(1);
  const auto expected = shards_of_a_first_run();
  for (const int number : {0, 2, 3}) damage(number);
  EXPECT_EQ(run().exit_code(), ExitCode::done);
  EXPECT_EQ(shards_of(shards_), expected);
}

TEST_F(SecondTry, SaysTheReasonOfTheLastTry) {
  damage(3);
  run();
  put_back(3);
  fs::remove(pictures_ / "p3.txt");
  EXPECT_THAT(run().skipped, ElementsAre(HasSubstr("p3.png has no caption")));
}

TEST_F(SecondTry, IsNotForAnItemWhoseSampleIsThere) {
  run();
  const auto first = shards_of(shards_);
  write_file(pictures_ / "p2.txt", "another caption");
  const Error error = error_of([&] { run(); });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.what(), HasSubstr("caption of p2.png"));
  EXPECT_EQ(shards_of(shards_), first);
}

// What a run leaves that was killed after it had renamed the mended shard.
TEST_F(SecondTry, MendsAShardThatIsMendedButNotRecordedToTheSameBytes) {
  damage(4);
  run();
  const fs::path record = shards_ / ".dfm_prepare/shard_000001.json";
  const std::string before = file_content(record);
  put_back(4);
  run();
  write_file(record, before);
  const PrepareReport report = run();
  EXPECT_EQ(report.samples, 9);
  EXPECT_EQ(shards_of(shards_), shards_of_a_first_run());
}

}  // namespace
}  // namespace dfm::prepare
