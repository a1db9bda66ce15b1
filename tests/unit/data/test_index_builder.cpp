// The parts of indexing that one process does; tests/mpi/test_index_builder.cpp has the whole.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/keys.h"
#include "data/energon/index_builder.h"
#include "data/energon/index_metadata.h"
#include "data/energon/shard_record.h"
#include "data/energon/tar_index.h"
#include "unit/data/indexed_shard.h"
#include "unit/data/shards.h"

namespace dfm::data::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(DealShards, GivesTheLargestToTheLeastLoaded) {
  const std::vector<ShardFile> shards{{"a", 5}, {"b", 9}, {"c", 4}, {"d", 4}, {"e", 1}};
  EXPECT_THAT(deal_shards(shards, 2), ElementsAre(1, 0, 1, 0, 1));  // 9, 5, 4 to the 5, 4 to the 9 or 9
  EXPECT_THAT(deal_shards(shards, 1), ElementsAre(0, 0, 0, 0, 0));
  EXPECT_THAT(deal_shards({{"a", 0}, {"b", 0}}, 8).size(), 2U);
}

TEST(IndexSettings, ComeFromTheConfiguration) {
  Config config(all_keys());
  config.apply({{"index.root", "/data", "test"},
                {"index.split_ratio", "8,1,1", "test"},
                {"index.shuffle_tars", "true", "test"}});
  const IndexSettings settings = index_settings(config);
  EXPECT_EQ(settings.root, "/data");
  EXPECT_THAT(settings.split_ratio, ElementsAre(8, 1, 1));
  EXPECT_TRUE(settings.shuffle_tars);
  EXPECT_FALSE(settings.force_overwrite);
  EXPECT_EQ(settings.exclude, "");
}

TEST(IndexSettings, NeedARoot) {
  EXPECT_EQ(error_of([] { index_settings(Config(all_keys())); })->kind(), ExitCode::usage);
}

TEST(IndexShard, WritesTheIndexAndNotesEachSample) {
  const TemporaryFolder folder;
  folder.write("a.tar", shard_of({"1", "2"}));
  const ShardResult result = index_shard(folder.path(), "a.tar");
  EXPECT_EQ(result.summary.skip_reason, "");
  EXPECT_EQ(result.summary.samples, 2U);
  EXPECT_EQ(result.summary.end_offset, 4096U);
  EXPECT_THAT(result.summary.extensions, ElementsAre("json", "txt"));
  EXPECT_THAT(result.rows, IsEmpty());
  EXPECT_THAT(read_tar_index(folder / "a.tar", 5120), ElementsAre(0, 2048, 4096));
}

TEST(IndexShard, SkipsAShardThatIsDamagedOrCannotBeRead) {
  const TemporaryFolder folder;
  folder.write("cut.tar", shard_of({"1", "2"}).substr(0, 1700));
  folder.write("text.tar", "hello");
  EXPECT_THAT(index_shard(folder.path(), "cut.tar").summary.skip_reason, HasSubstr("should end at byte"));
  EXPECT_THAT(index_shard(folder.path(), "text.tar").summary.skip_reason, HasSubstr("tar header"));
  EXPECT_THAT(index_shard(folder.path(), "gone.tar").summary.skip_reason, HasSubstr("cannot open"));
  EXPECT_FALSE(std::filesystem::exists(folder / "cut.tar.idx"));
}

TEST(IndexShard, AsksForTheShapesOfTheTensorParts) {
  const TemporaryFolder folder;
  folder.write("a.tar", tar_member("1..pth", "pp") + tar_member("1.pickle", "kkk") +
                            tar_member("2.pth", "p") + tar_member("3.pth", "pppp") +
                            tar_member("3.pickle", "bad") + tar_member("3.pickle", "k") + tar_end());
  const ShapeReader reader = [](const File&, const SamplePart& pth,
                                const SamplePart& pickle) -> TensorShapes {
    if (pth.content_size == 4) throw data_error("unreadable");
    return {{static_cast<std::uint32_t>(pth.content_size), 1, 2, 2,
             static_cast<std::uint32_t>(pickle.content_size)},
            8};
  };
  const ShardResult result = index_shard(folder.path(), "a.tar", reader);
  EXPECT_THAT(result.rows, ElementsAre(SampleShape{2, 1, 2, 2, 3}, SampleShape{}, SampleShape{}));
  EXPECT_EQ(result.summary.samples_with_tensors, 2U);
  EXPECT_EQ(result.summary.samples_without_shape, 2U);
  EXPECT_THAT(result.summary.unreadable,
              ElementsAre(HasSubstr("2 of a.tar: has no pickle part"), HasSubstr("unreadable")));
  ASSERT_EQ(result.summary.text_widths.size(), 1U);
  EXPECT_EQ(result.summary.text_widths[0].width, 8U);
}

TEST(ShardSummary, TravelsAsText) {
  ShardSummary summary;
  summary.samples = 3;
  summary.end_offset = 1ULL << 60U;
  summary.extensions = {"txt", "\xff"};
  summary.warnings = {"a \"warning\"\n"};
  summary.text_widths = {{8, "first"}, {16, "second"}};
  summary.rows_hash = ~0ULL;
  const ShardSummary back = shard_summary_from_text(to_text(summary));
  EXPECT_EQ(back.end_offset, summary.end_offset);
  EXPECT_EQ(back.warnings, summary.warnings);
  EXPECT_EQ(back.extensions[0], "txt");
  EXPECT_EQ(back.text_widths[1].width, 16U);
  EXPECT_EQ(back.rows_hash, summary.rows_hash);
}

IndexReport report_of(const TemporaryFolder& folder, const std::vector<ShardCount>& shards) {
  IndexReport report;
  report.shards = shards;
  for (const ShardCount& shard : shards) folder.write(shard.name, "x");
  return report;
}

TEST(IndexMetadata, IsWrittenForNewShards) {
  const TemporaryFolder folder;
  const IndexSettings settings{.root = folder.path(), .split_ratio = {1, 1, 0}};
  IndexReport report = report_of(folder, {{"a-0.tar", 5}, {"a-1.tar", 6}, {"b.tar", 7}, {"c.tar", 8}});
  prepare_meta_folder(settings);
  write_metadata(settings, report);
  write_dataset_yaml(settings, report);
  EXPECT_EQ(
      read_text(folder / kSplitFile),
      "split_parts:\n  train:\n  - a-{0..1}.tar\n  val:\n  - b.tar\n  - c.tar\n  test: []\nexclude: []\n");
  EXPECT_EQ(read_dataset_info(folder.path()).shards, report.shards);
  EXPECT_EQ(read_text(folder / kDatasetFile), dataset_yaml({}));
  EXPECT_THAT(report.warnings, IsEmpty());
  EXPECT_THAT(report.kept_files, IsEmpty());
  EXPECT_EQ(report.splits[1].samples, 15U);
}

TEST(IndexMetadata, ShufflesAsTheGoldenDataSet) {
  const TemporaryFolder folder;
  const IndexSettings settings{.root = folder.path(), .split_ratio = {8, 1, 1}, .shuffle_tars = true};
  IndexReport report =
      report_of(folder, {{"shard-000000.tar", 20}, {"shard-000001.tar", 20}, {"shard-000002.tar", 20}});
  prepare_meta_folder(settings);
  write_metadata(settings, report);
  EXPECT_EQ(read_text(folder / kSplitFile),
            read_text(DFM_GOLDEN_FOLDER "/energon/shuffled/.nv-meta/split.yaml"));
}

TEST(IndexMetadata, NamesTheShardThatRoundingLoses) {
  const TemporaryFolder folder;
  const IndexSettings settings{.root = folder.path(), .split_ratio = {7, 2, 1}};
  std::vector<ShardCount> shards;
  for (int i = 0; i < 10; ++i) shards.push_back({fmt::format("{}.tar", i), 1});
  IndexReport report = report_of(folder, shards);
  prepare_meta_folder(settings);
  write_metadata(settings, report);
  EXPECT_THAT(report.warnings,
              Contains(HasSubstr("rounding leaves 1 of 10 shards in no split with ratio 7,2,1: 9.tar")));
  EXPECT_THAT(report.warnings, Contains(HasSubstr("the split test is empty")));
}

TEST(IndexMetadata, KeepsASplitAndSaysWhatDoesNotFit) {
  const TemporaryFolder folder;
  const IndexSettings settings{.root = folder.path()};
  folder.write(kSplitFile, "split_parts:\n  mine:\n  - a.tar\n  - gone{1..2}.tar\nexclude:\n- c.tar\n");
  folder.write(kDatasetFile, "mine: 1\n");
  IndexReport report = report_of(folder, {{"a.tar", 5}, {"b.tar", 6}, {"c.tar", 7}});
  prepare_meta_folder(settings);
  write_metadata(settings, report);
  write_dataset_yaml(settings, report);
  EXPECT_THAT(report.kept_files, ElementsAre(kSplitFile, kDatasetFile));
  EXPECT_THAT(report.warnings,
              ElementsAre(HasSubstr("names 2 shards that are not indexed (first: gone1.tar)"),
                          HasSubstr("has 1 of 3 shards in no split (first: b.tar)")));
  EXPECT_EQ(read_text(folder / kDatasetFile), "mine: 1\n");
  EXPECT_EQ(report.splits.at(0).name, "mine");
  EXPECT_EQ(report.splits.at(0).samples, 5U);
}

TEST(IndexMetadata, RefusesAKeptSplitThatCannotBeReadBeforeAnythingElse) {
  const TemporaryFolder folder;
  folder.write(kSplitFile, "split_parts: 3\n");
  EXPECT_EQ(error_of([&] { prepare_meta_folder({.root = folder.path()}); })->kind(), ExitCode::data);
  EXPECT_FALSE(error_of([&] { prepare_meta_folder({.root = folder.path(), .force_overwrite = true}); }));
}

TEST(IndexChangedShard, ReadsAShardAgainWhereItsTimeOrItsIndexChanged) {
  const TemporaryFolder folder;
  folder.write("a.tar", shard_of({"1", "2"}));
  make_folder(folder / kRecordFolder);
  const auto was_read = [&](bool rescan = false) {
    const FoundShard found = find_changed_shard(folder.path(), "a.tar", {}, rescan);
    write_down(folder.path(), found);
    return found.known.was_read;
  };
  EXPECT_TRUE(was_read());
  EXPECT_FALSE(was_read());
  EXPECT_TRUE(was_read(true));
  std::filesystem::last_write_time(folder / "a.tar", std::filesystem::file_time_type::clock::now());
  EXPECT_TRUE(was_read());
  remove_file(folder / "a.tar.idx");
  EXPECT_TRUE(was_read());
  EXPECT_FALSE(was_read());
}

TEST(ShardRecord, ThatIsDamagedIsNoRecord) {
  const TemporaryFolder folder;
  folder.write("a.tar", shard_of({"1", "2"}));
  make_folder(folder / kRecordFolder);
  write_down(folder.path(), find_changed_shard(folder.path(), "a.tar", {}, false));
  const auto path = record_path(folder.path(), "a.tar");
  std::string bytes = read_text(path);
  bytes[bytes.size() - 3] ^= 1;
  write_durably(path, bytes);
  EXPECT_FALSE(read_record(folder.path(), shard_stamp(folder.path(), "a.tar")));
  write_durably(path, bytes.substr(0, 20));
  EXPECT_FALSE(read_record(folder.path(), shard_stamp(folder.path(), "a.tar")));
}

}  // namespace
}  // namespace dfm::data::testing
