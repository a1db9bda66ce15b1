#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "ckpt/export.h"
#include "ckpt/safetensors.h"
#include "config/keys.h"
#include "core/stop_token.h"
#include "support/child_process.h"
#include "support/errors.h"
#include "unit/ckpt/made_checkpoint.h"

namespace dfm::ckpt {
namespace {

namespace fs = std::filesystem;
using testing::error_of;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

Listed made_checkpoint(const fs::path& root, int ranks, const std::vector<std::string>& kinds = {kWeights}) {
  make_checkpoint(root, 7, ranks, kinds);
  return list_checkpoints(root).at(0);
}

ExportReport export_to(const fs::path& output, const Listed& checkpoint, const char* kind = kWeights,
                       DType dtype = DType::float32) {
  return export_safetensors(checkpoint, {.output = output, .kind = kind, .dtype = dtype},
                            ProgressStyle::silent);
}

TEST(Export, GivesTheTensorsOfThePiecesHoweverManyFilesHoldThem) {
  for (const int ranks : {1, 2, 3, 5, 12, 13}) {
    const TemporaryFolder folder;
    const ExportReport report = export_to(folder / "out.safetensors", made_checkpoint(folder.path(), ranks));
    const Array tensor = SafetensorsFile(folder / "out.safetensors").read("w");
    EXPECT_EQ(tensor.shape, kMadeShape);
    for (std::int64_t i = 0; i < kMadeElements; ++i)
      EXPECT_EQ(tensor.as<float>()[i], made_value(7, i)) << ranks << " ranks";
    EXPECT_EQ(report.tensors, 1);
    EXPECT_EQ(report.parameters, kMadeElements);
    EXPECT_EQ(report.bytes, 4U * kMadeElements);
    EXPECT_FALSE(report.stopped);
  }
}

TEST(Export, CarriesConfigurationAndStep) {
  const TemporaryFolder folder;
  export_to(folder / "out.safetensors", made_checkpoint(folder.path(), 2));
  const TextMetadata metadata = SafetensorsFile(folder / "out.safetensors").metadata();
  EXPECT_EQ(metadata.at("format"), "pt");
  EXPECT_EQ(metadata.at(kStepMetadata), "7");
  EXPECT_EQ(nlohmann::json::parse(metadata.at(kConfigMetadata)),
            nlohmann::json::parse(R"({"model.num_layers": "2"})"));
}

TEST(Export, RoundsToTheTypeThatIsAskedFor) {
  const TemporaryFolder folder;
  export_to(folder / "out.safetensors", made_checkpoint(folder.path(), 2), kWeights, DType::bfloat16);
  const Array tensor = SafetensorsFile(folder / "out.safetensors").read("w");
  ASSERT_EQ(tensor.dtype, DType::bfloat16);
  for (std::int64_t i = 0; i < kMadeElements; ++i) {
    const float exact = made_value(7, i);
    EXPECT_NEAR(bfloat16_to_float(tensor.as<std::uint16_t>()[i]), exact,
                exact / 256);  // half a unit of eight bits
  }
}

TEST(Export, GivesTheMovingAverageWhereItIsKept) {
  const TemporaryFolder folder;
  const Listed checkpoint = made_checkpoint(folder.path(), 2, {kWeights, kMovingAverage, kFirstMoment});
  EXPECT_EQ(export_to(folder / "out.safetensors", checkpoint, kMovingAverage).tensors, 1);
}

TEST(Export, AMissingMovingAverageIsAUsageErrorThatNamesTheKey) {
  const TemporaryFolder folder;
  const Listed checkpoint = made_checkpoint(folder.path(), 2);
  const Error error = error_of([&] { export_to(folder / "out.safetensors", checkpoint, kMovingAverage); });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.what(), HasSubstr("holds no ema"));
  EXPECT_THAT(error.hint(), HasSubstr("train.ema_decay"));
  EXPECT_FALSE(fs::exists(folder / "out.safetensors"));
}

TEST(Export, MakesTheFolderOfTheOutput) {
  const TemporaryFolder folder;
  export_to(folder / "a/b/out.safetensors", made_checkpoint(folder.path(), 1));
  EXPECT_TRUE(fs::exists(folder / "a/b/out.safetensors"));
}

TEST(Export, KeepsTheOldOutputWhenAPartIsMissing) {
  const TemporaryFolder folder;
  Listed checkpoint = made_checkpoint(folder.path(), 2);
  checkpoint.manifest->files.pop_back();
  testing::write_file(folder / "out.safetensors", "old");
  EXPECT_EQ(error_of([&] { export_to(folder / "out.safetensors", checkpoint); }).kind(), ExitCode::data);
  EXPECT_EQ(testing::file_content(folder / "out.safetensors"), "old");
}

TEST(Export, WritesNothingWhenItIsAskedToStop) {
  const TemporaryFolder folder;
  const Listed checkpoint = made_checkpoint(folder.path(), 2);
  const auto result = testing::run_in_child([&] {
    StopToken::request("test");
    return export_to(folder / "out.safetensors", checkpoint).stopped ? 0 : 1;
  });
  EXPECT_EQ(result.exit_code, 0) << result.standard_error;
  EXPECT_FALSE(fs::exists(folder / "out.safetensors"));
}

Config consolidate_config(const Layer& layer) {
  Config config(all_keys());
  config.apply(layer);
  return config;
}

TEST(ExportSettings, FollowTheConfiguration) {
  const ExportSettings settings =
      export_settings(consolidate_config({{"consolidate.output", "a/b.safetensors", ""},
                                          {"consolidate.ema", "true", ""},
                                          {"consolidate.dtype", "bfloat16", ""}}));
  EXPECT_EQ(settings.output, fs::path("a/b.safetensors"));
  EXPECT_EQ(settings.kind, kMovingAverage);
  EXPECT_EQ(settings.dtype, DType::bfloat16);
}

TEST(ExportSettings, AnotherEndingOrNoOutputIsAUsageError) {
  const Error error = error_of([] {
    export_settings(consolidate_config({{"consolidate.output", "weights.pth", ""}}));
  });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.what(), HasSubstr("weights.pth"));
  EXPECT_EQ(error_of([] { export_settings(consolidate_config({})); }).kind(), ExitCode::usage);
}

}  // namespace
}  // namespace dfm::ckpt
