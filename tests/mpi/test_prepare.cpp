// Preparing with any number of ranks makes the same bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/agree.h"
#include "data/tar/shard_writer.h"
#include "mpi/one_rank_alone.h"
#include "mpi/shared_folder.h"
#include "prepare/output_folder.h"
#include "unit/prepare/small_pictures.h"

namespace dfm::prepare {
namespace {

namespace fs = std::filesystem;

class PrepareTogether : public ::testing::Test {
 protected:
  void SetUp() override {
    if (world_.rank() == 0) write_pictures(pictures_, 11);
    world_.barrier();
  }
  PrepareReport together(const Layer& more = {}) const {
    return prepare(settings_with(pictures_, shards_, more), world_, ProgressStyle::silent);
  }
  // What this rank makes of the source by itself.
  std::map<std::string, std::string> shards_of_one_rank() const {
    const fs::path own = folder_ / fmt::format("alone_{}", world_.rank());
    prepare(settings_with(pictures_, own), alone_.group(), ProgressStyle::silent);
    return shards_of(own);
  }

  const comm::Group world_ = comm::Group::world();
  const dfm::testing::Alone alone_{world_};
  const dfm::testing::SharedFolder folder_{world_};
  const fs::path pictures_ = folder_ / "pictures", shards_ = folder_ / "shards";
};

TEST_F(PrepareTogether, MakesTheShardsOfOneRank) {
  const PrepareReport report = together();
  EXPECT_EQ(report.samples, 11);
  EXPECT_EQ(report.shards, 6);
  EXPECT_EQ(shards_of(shards_), shards_of_one_rank());
}

TEST_F(PrepareTogether, MakesWhatIsMissing) {
  together();
  world_.barrier();
  if (world_.rank() == 0) {
    for (const int i : {0, 2, 3, 5}) fs::remove(shards_ / fmt::format("shard_{:06}.tar", i));
  }
  world_.barrier();
  const PrepareReport again = together();
  EXPECT_EQ(again.shards_found, 2);
  EXPECT_EQ(again.samples, 11);
  EXPECT_EQ(shards_of(shards_), shards_of_one_rank());
}

TEST_F(PrepareTogether, MakesOneLargeShardOfPartsOfAllRanksWithTheBytesOfOneRank) {
  const Layer one_shard{{"prepare.shard_maxcount", "100", "test"}};
  EXPECT_EQ(together(one_shard).shards, 1);
  const fs::path own = folder_ / fmt::format("alone_{}", world_.rank());
  prepare(settings_with(pictures_, own, one_shard), alone_.group(), ProgressStyle::silent);
  EXPECT_EQ(shards_of(shards_), shards_of(own));
  std::size_t left = 0;
  for (const auto& entry : fs::directory_iterator(shards_ / ".dfm_prepare"))
    left += entry.path().filename().native().starts_with("part_") ? 1 : 0;
  EXPECT_EQ(left, 0U);
}

// What a run that was killed leaves: some finished parts. One of them holds something else here, which shows
// that it is taken and not made again.
TEST_F(PrepareTogether, GoesOnFromThePartsOfAnInterruptedRun) {
  const Layer one_shard{{"prepare.shard_maxcount", "100", "test"}};
  together({{"prepare.shard_maxcount", "100", "test"}, {"prepare.on_bad_input", "fail", "test"}});
  world_.barrier();
  const OutputFolder output(shards_);
  const ItemRange part{3, 7};
  if (world_.rank() == 0) {
    fs::remove(output.shard_path(0));
    data::ShardWriter writer(output.part_path(part));
    writer.add("mark.json", {});
    output.remember(output.part_path(part), {1, {}});
    writer.commit();
  }
  world_.barrier();
  EXPECT_EQ(together(one_shard).samples, 8);
  const std::vector<std::string> names = member_names(output.shard_path(0));
  EXPECT_EQ(names.size(), 7U * 3 + 1);
  EXPECT_EQ(names.at(9), "mark.json");
}

TEST_F(PrepareTogether, ReportsWhatAnyRankLeftOutOnAllRanks) {
  if (world_.rank() == 0) {
    for (const int i : {1, 4, 10}) fs::remove(pictures_ / fmt::format("p{}.txt", i));
  }
  world_.barrier();
  const PrepareReport report = together();
  EXPECT_EQ(report.exit_code(), ExitCode::partial);
  EXPECT_EQ(report.skipped.size(), 3U);
  EXPECT_EQ(report.samples, 8);
}

TEST_F(PrepareTogether, MendsShardsWithTheBytesOfOneRankThatLeftNothingOut) {
  const Layer shards_of_four{{"prepare.shard_maxcount", "4", "test"}};
  if (world_.rank() == 0) {
    for (const int i : {0, 1, 2, 7, 10}) fs::remove(pictures_ / fmt::format("p{}.txt", i));
  }
  world_.barrier();
  EXPECT_EQ(together(shards_of_four).samples, 6);
  if (world_.rank() == 0) write_pictures(pictures_, 11);
  world_.barrier();
  EXPECT_EQ(together(shards_of_four).mended, 5);
  const fs::path own = folder_ / fmt::format("alone_{}", world_.rank());
  prepare(settings_with(pictures_, own, shards_of_four), alone_.group(), ProgressStyle::silent);
  EXPECT_EQ(shards_of(shards_), shards_of(own));
}

TEST_F(PrepareTogether, FailsOnAllRanksWithOneMessage) {
  if (world_.rank() == 0) dfm::testing::write_file(pictures_ / "p3.png", "no picture");
  world_.barrier();
  try {
    together({{"prepare.on_bad_input", "fail", "test"}});
    FAIL();
  } catch (const comm::AgreedError& error) {
    EXPECT_EQ(error.kind(), ExitCode::data);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("p3.png"));
    for (const std::string& other : world_.all_gather_text(error.what())) EXPECT_EQ(other, error.what());
  }
}

}  // namespace
}  // namespace dfm::prepare
