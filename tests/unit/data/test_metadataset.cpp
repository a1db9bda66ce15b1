// Metadatasets as people write them, and as they get them wrong: each mistake is told with file, place and
// remedy.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "data/loader/metadataset.h"
#include "unit/data/shards.h"

namespace dfm::data {
namespace {

using ::testing::AllOf;
using testing::error_of;
using ::testing::HasSubstr;

constexpr const char* kVersion2 =
    "__module__: megatron.energon\n__class__: MetadatasetV2\nsplits:\n  train:\n";

class MetadatasetTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* const name : {"a", "b", "deep/c"}) make_folder(folder_ / name);
  }
  std::filesystem::path write(const std::string& name, const std::string& text) {
    write_durably(folder_ / name, text);
    return folder_ / name;
  }
  Metadataset read(const std::string& text) {
    return read_metadataset(write("blend.yaml", kVersion2 + text), "train");
  }
  void expect_refused(const std::string& text, const std::string& what) {
    const auto error = error_of([&] { read(text); });
    ASSERT_TRUE(error) << text;
    EXPECT_EQ(error->kind(), ExitCode::data) << error->what();
    EXPECT_THAT(error->what(), AllOf(HasSubstr(what), HasSubstr(".yaml"))) << text;
    EXPECT_NE(error->hint(), "") << text;
  }

  testing::TemporaryFolder folder_;
};

TEST_F(MetadatasetTest, WeightsAreSharesOfTheirLevel) {
  write("inner.yaml", std::string(kVersion2) +
                          "    blend:\n      - {path: a, weight: 1}\n      - {path: deep/c/, weight: 3}\n");
  const auto blend =
      read("    blend:\n      - {path: b, weight: 6}\n      - {path: inner.yaml, weight: 2}\n");
  ASSERT_EQ(blend.folders.size(), 3U);
  EXPECT_EQ(blend.mode, BlendMode::weights);
  EXPECT_DOUBLE_EQ(blend.folders[0].weight, 0.75);
  EXPECT_DOUBLE_EQ(blend.folders[1].weight, 0.0625);
  EXPECT_DOUBLE_EQ(blend.folders[2].weight, 0.1875);
  EXPECT_EQ(blend.folders[2].folder, folder_ / "deep/c");
}

TEST_F(MetadatasetTest, RepetitionsMultiplyDownTheTree) {
  write("inner.yaml", std::string(kVersion2) +
                          "    blend_epochized:\n      - {path: a, repetitions: 0.5}\n      - path: b\n");
  const auto blend =
      read("    blend_epochized:\n      - {path: inner.yaml, repetitions: 3}\n      - path: deep/c\n");
  ASSERT_EQ(blend.folders.size(), 3U);
  EXPECT_EQ(blend.mode, BlendMode::repetitions);
  EXPECT_DOUBLE_EQ(blend.folders[0].repetitions, 1.5);
  EXPECT_DOUBLE_EQ(blend.folders[1].repetitions, 3);
  EXPECT_DOUBLE_EQ(blend.folders[2].repetitions, 1);
}

TEST_F(MetadatasetTest, OuterSubflavorsWinAndSplitPartsAreInherited) {
  write("inner.yaml",
        "splits:\n  val:\n    datasets:\n      - {path: a, subflavors: {x: 1, y: 2}, subflavor: old}\n"
        "      - {path: b, split_part: test}\n");
  const auto blend = read("    {path: inner.yaml, split_part: val, subflavors: {y: outer}}\n");
  ASSERT_EQ(blend.folders.size(), 2U);
  EXPECT_EQ(blend.folders[0].split, "val");
  EXPECT_EQ(blend.folders[1].split, "test");
  EXPECT_EQ(blend.folders[0].subflavors, (Subflavors{{"x", "1"}, {"y", "outer"}, {"__subflavor__", "old"}}));
}

TEST_F(MetadatasetTest, SubsetsCompose) {
  write("inner.yaml", std::string(kVersion2) +
                          "    blend:\n      - {path: a, subset: {range: [25%, 75%]}}\n"
                          "      - {path: b, subset: {range: [10, end]}}\n");
  const auto blend = read("    blend:\n      - {path: inner.yaml, subset: {range: [0%, 50%]}}\n");
  EXPECT_EQ(range_of(blend.folders[0].subset, 100), (std::pair<std::int64_t, std::int64_t>(25, 50)));
  EXPECT_EQ(range_of(blend.folders[1].subset, 100), (std::pair<std::int64_t, std::int64_t>(10, 55)));
}

TEST_F(MetadatasetTest, RefusesWhatCannotBeMeant) {
  expect_refused("    blend:\n      - {path: a, weight: -1}\n", "blend[0].weight: is not a number from 0 on");
  expect_refused("    blend:\n      - {path: a, weight: .nan}\n", "not a number from 0 on");
  expect_refused("    blend:\n      - {path: a, weight: .inf}\n", "not a number from 0 on");
  expect_refused("    blend:\n      - {path: a, weight: two}\n", "not a number from 0 on");
  expect_refused("    blend:\n      - {path: a, weight: 0}\n", "all its weights are 0");
  expect_refused("    blend: []\n", "is not a list of data sets");
  expect_refused("    blend: a\n", "is not a list of data sets");
  expect_refused("    blend:\n      - a\n", "is not a map");
  expect_refused("    blend:\n      - {path: a, wieght: 1}\n", "'wieght' is not known");
  expect_refused("    blend:\n      - {path: a, repetitions: 1}\n", "its blend is given by `weight`");
  expect_refused("    blend:\n      - {weight: 1}\n", "has no path");
  expect_refused("    blend:\n      - {path: missing}\n", "missing does not exist");
  expect_refused("    blend:\n      - {path: missing.yaml}\n", "missing.yaml does not exist");
  expect_refused("    blend:\n      - {path: 's3://bucket/a'}\n", "is a remote path");
  expect_refused("    join: [{path: a}, {path: b}]\n", "is a join");
  expect_refused("    {path: a, aux: {x: b}}\n", "auxiliary data");
  expect_refused("    {path: a, subset: {range: [10, 5]}}\n", "no range of samples");
  expect_refused("    {path: a, subset: {range: [10%, end]}}\n", "no range of samples");
  expect_refused("    {path: a, dataset_config: other.yaml}\n", "has no .nv-meta/other.yaml");
  expect_refused("    [", "blend.yaml");
}

TEST_F(MetadatasetTest, RefusesMixedKinds) {
  write("inner.yaml", std::string(kVersion2) + "    blend_epochized:\n      - {path: a}\n");
  expect_refused("    blend:\n      - {path: inner.yaml}\n", "are mixed");
}

TEST_F(MetadatasetTest, RefusesAbsoluteSubsetsOfMetadatasets) {
  write("inner.yaml", std::string(kVersion2) + "    {path: a}\n");
  expect_refused("    {path: inner.yaml, subset: {range: [0, 5]}}\n",
                 "takes a number of samples of a metadataset");
}

TEST_F(MetadatasetTest, RefusesCycles) {
  write("one.yaml", std::string(kVersion2) + "    {path: two.yaml}\n");
  write("two.yaml", std::string(kVersion2) + "    {path: deep/../one.yaml}\n");
  expect_refused("    {path: one.yaml}\n", "one.yaml leads back to itself");
  expect_refused("    {path: blend.yaml}\n", "blend.yaml leads back to itself");
}

TEST_F(MetadatasetTest, RefusesAbsurdNesting) {
  for (int i = 0; i < 40; ++i)
    write(fmt::format("n{}.yaml", i), kVersion2 + fmt::format("    {{path: n{}.yaml}}\n", i + 1));
  expect_refused("    {path: n0.yaml}\n", "nested more than 32 deep");
  expect_refused("    " + std::string(20'000, '['), "blend.yaml");
}

// Ten files that name the next one twenty times each would be 20^10 data sets.
TEST_F(MetadatasetTest, RefusesTreesThatExplode) {
  for (int i = 0; i < 10; ++i) {
    std::string text = std::string(kVersion2) + "    blend:\n";
    const std::string next = i == 9 ? "a" : fmt::format("x{}.yaml", i + 1);
    for (int k = 0; k < 20; ++k) text += fmt::format("      - {{path: {}}}\n", next);
    write(fmt::format("x{}.yaml", i), text);
  }
  expect_refused("    {path: x0.yaml}\n", "behind the 10000th data set");
}

TEST_F(MetadatasetTest, NamesTheSplitsThatThereAre) {
  const auto file = write("blend.yaml", std::string(kVersion2) + "    {path: a}\n");
  const auto error = error_of([&] { read_metadataset(file, "val"); });
  ASSERT_TRUE(error);
  EXPECT_THAT(error->what(), HasSubstr("has no split val"));
  EXPECT_THAT(error->hint(), HasSubstr("it has: train"));
  EXPECT_THAT(splits_of_metadataset(file), ::testing::ElementsAre("train"));
}

TEST_F(MetadatasetTest, RefusesOtherClasses) {
  const auto file = write("blend.yaml", "__class__: CrudeWebdataset\nsplits: {train: {path: a}}\n");
  const auto error = error_of([&] { read_metadataset(file, "train"); });
  ASSERT_TRUE(error);
  EXPECT_THAT(error->what(), HasSubstr("CrudeWebdataset is not a metadataset"));
}

}  // namespace
}  // namespace dfm::data
