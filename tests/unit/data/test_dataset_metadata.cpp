// The golden data sets were prepared by the real Energon 7.4.0.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/energon/dataset_definition.h"
#include "data/energon/dataset_metadata.h"
#include "unit/data/shards.h"

namespace dfm::data::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Golden : public ::testing::TestWithParam<const char*> {
 protected:
  std::filesystem::path root() const {
    return std::filesystem::path(DFM_GOLDEN_FOLDER "/energon") / GetParam();
  }
  std::string text(const char* file) const { return read_text(root() / file); }
};

TEST_P(Golden, InfoJsonIsReadAndWrittenByteForByte) {
  const DatasetInfo info = read_dataset_info(root());
  EXPECT_EQ(info.energon_version, "7.4.0");
  EXPECT_THAT(info.shards, ElementsAre(ShardCount{"shard-000000.tar", 20}, ShardCount{"shard-000001.tar", 20},
                                       ShardCount{"shard-000002.tar", 20}));
  EXPECT_EQ(info_json(info), text(kInfoFile));
}

TEST_P(Golden, SplitYamlIsReadAndWrittenByteForByte) {
  const Splits splits = read_splits(root());
  EXPECT_EQ(splits.parts.size(), 3U);
  EXPECT_EQ(split_yaml(splits), text(kSplitFile));
}

TEST_P(Golden, DatasetYamlIsWrittenByteForByte) { EXPECT_EQ(dataset_yaml({}), text(kDatasetFile)); }

INSTANTIATE_TEST_SUITE_P(Energon, Golden, ::testing::Values("plain", "shuffled"));

TEST(DatasetMetadata, ExpandsTheShardsOfASplit) {
  const Splits splits = read_splits(DFM_GOLDEN_FOLDER "/energon/plain");
  EXPECT_THAT(splits.find("train")->shards,
              ElementsAre("shard-000000.tar", "shard-000001.tar", "shard-000002.tar"));
  EXPECT_TRUE(splits.find("val")->shards.empty());
  EXPECT_EQ(splits.find("nope"), nullptr);
}

TEST(DatasetMetadata, EscapesJsonAsPythonDoes) {
  EXPECT_EQ(info_json({std::nullopt, {{"é😀\"\\\n\x7f.tar", 1}}}),
            "{\n  \"shard_counts\": {\n    \"\\u00e9\\ud83d\\ude00\\\"\\\\\\n\\u007f.tar\": 1\n  }\n}");
  EXPECT_EQ(info_json({std::nullopt, {}}), "{\n  \"shard_counts\": {}\n}");
}

TEST(DatasetMetadata, ReadsTheOlderFilesWhereTheNewOnesAreMissing) {
  const TemporaryFolder folder;
  folder.write(kLegacyInfoFile, "shard_counts:\n  a.tar: 3\n  'b: c.tar': 4\n");
  folder.write(
      kSplitJsonFile,
      R"({"split_parts": {"train": ["{a,b}.tar"], "\ud83d\ude00": []}, "exclude": ["a.tar/k{1..2}"]})");
  EXPECT_THAT(read_dataset_info(folder.path()).shards,
              ElementsAre(ShardCount{"a.tar", 3}, ShardCount{"b: c.tar", 4}));
  const Splits splits = read_splits(folder.path());
  EXPECT_THAT(splits.find("train")->shards, ElementsAre("a.tar", "b.tar"));
  EXPECT_NE(splits.find("😀"), nullptr);
  EXPECT_THAT(splits.exclude, ElementsAre("a.tar/k1", "a.tar/k2"));
}

TEST(DatasetMetadata, PassesOverKeysItDoesNotKnow) {
  const TemporaryFolder folder;
  folder.write(
      kInfoFile,
      R"({"more": {"shard_counts": {"x": "y"}}, "list": [1, [2]], "shard_counts": {"a.tar": 3}, "last": null})");
  EXPECT_THAT(read_dataset_info(folder.path()).shards, ElementsAre(ShardCount{"a.tar", 3}));
}

TEST(DatasetMetadata, ThatIsMissingSaysWhatToRun) {
  const TemporaryFolder folder;
  const auto error = error_of([&] { read_dataset_info(folder.path()); });
  EXPECT_EQ(error->kind(), ExitCode::data);
  EXPECT_THAT(error->hint(), HasSubstr("dfm_index " + folder.path().native()));
  EXPECT_THAT(error_of([&] { read_splits(folder.path()); })->hint(), HasSubstr("dfm_index"));
}

class BadInfo : public ::testing::TestWithParam<const char*> {};

TEST_P(BadInfo, IsRefusedWithItsName) {
  const TemporaryFolder folder;
  folder.write(kInfoFile, GetParam());
  const auto error = error_of([&] { read_dataset_info(folder.path()); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ExitCode::data);
  EXPECT_THAT(error->what(), HasSubstr(".info.json"));
}

INSTANTIATE_TEST_SUITE_P(
    DatasetMetadata, BadInfo,
    ::testing::Values("", "{", "[]", "{}", "3", R"({"shard_counts": []})",
                      R"({"shard_counts": {"a.tar": -1}})", R"({"shard_counts": {"a.tar": 1.5}})",
                      R"({"shard_counts": {"a.tar": "1"}})", R"({"shard_counts": {"a.tar": null}})",
                      R"({"shard_counts": {"a.tar": {}}})", R"({"shard_counts": {"a.tar": 1, "a.tar": 1}})",
                      R"({"shard_counts": {"../a.tar": 1}})", R"({"shard_counts": {"/a.tar": 1}})",
                      R"({"shard_counts": {"b/../../a.tar": 1}})", R"({"shard_counts": {"": 1}})",
                      R"({"shard_counts": {"a\u0000.tar": 1}})",
                      R"({"shard_counts": {"a.tar": 99999999999999999999999}})"));

TEST(DatasetMetadata, RefusesDeepJson) {
  const TemporaryFolder folder;
  folder.write(kInfoFile, "{\"x\": " + std::string(200000, '[') + std::string(200000, ']') + "}");
  EXPECT_TRUE(error_of([&] { read_dataset_info(folder.path()); }));
}

class BadSplit : public ::testing::TestWithParam<std::string> {};

TEST_P(BadSplit, IsRefused) {
  const TemporaryFolder folder;
  folder.write(kSplitFile, GetParam());
  const auto error = error_of([&] { read_splits(folder.path()); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ExitCode::data);
}

INSTANTIATE_TEST_SUITE_P(DatasetMetadata, BadSplit,
                         ::testing::Values("", "train: []", "split_parts: 3", "split_parts:\n  train: a.tar",
                                           "split_parts:\n  train: [[a]]", "split_parts:\n  train: ['{']",
                                           "split_parts: {train: [a]",
                                           "split_parts:\n  train: [a]\nexclude: x",
                                           "split_parts:\n  train: ['{1..99999999999}']", "\t", "- a\n- b",
                                           "split_parts: " + std::string(5000, '[')));

TEST(DatasetMetadata, KnowsNamesThatStayInside) {
  for (const char* const name : {"a.tar", "a/b.tar", "..a/b..tar", "é.tar"})
    EXPECT_TRUE(is_inside_name(name)) << name;
  for (const char* const name : {"", "/a", "..", "../a", "a/..", "a/../b", "./a", "a/"})
    EXPECT_FALSE(is_inside_name(name)) << name;
}

}  // namespace
}  // namespace dfm::data::testing
