#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ckpt/export/export.h"
#include "config/keys.h"
#include "support/errors.h"

namespace dfm::ckpt {
namespace {

using testing::error_of;
using ::testing::HasSubstr;

ExportSettings settings_for(const std::string& output, Layer layer = {}) {
  Config config(all_keys());
  layer.push_back({"consolidate.output", output, ""});
  config.apply(layer);
  return export_settings(config);
}

TEST(ExportSettings, FollowTheConfiguration) {
  const ExportSettings settings = settings_for("a/b.safetensors", {{"consolidate.ema", "true", ""},
                                                                   {"consolidate.dtype", "bfloat16", ""},
                                                                   {"consolidate.max_memory", "1GiB", ""}});
  EXPECT_EQ(settings.output, std::filesystem::path("a/b.safetensors"));
  EXPECT_EQ(settings.kind, kMovingAverage);
  EXPECT_EQ(settings.dtype, DType::bfloat16);
  EXPECT_EQ(settings.max_memory_bytes, 1U << 30U);
}

TEST(ExportSettings, TheNameSelectsTheFormat) {
  EXPECT_EQ(settings_for("a.safetensors").format, ExportFormat::safetensors);
  EXPECT_EQ(settings_for("model.pth").format, ExportFormat::torch);
  EXPECT_EQ(settings_for("model.h5").format, ExportFormat::hdf5);
  EXPECT_EQ(settings_for("folder/").format, ExportFormat::parts);
  EXPECT_EQ(settings_for("folder").format, ExportFormat::parts);
  EXPECT_EQ(settings_for("run/iter_0000010").format, ExportFormat::checkpoint);
  EXPECT_EQ(settings_for("run", {{"consolidate.ranks", "8", ""}}).format, ExportFormat::checkpoint);
  EXPECT_EQ(settings_for("x.bin", {{"consolidate.format", "pth", ""}}).format, ExportFormat::torch);
}

TEST(ExportSettings, ANameThatSelectsNoFormatIsAUsageError) {
  const Error error = error_of([] { settings_for("weights.bin"); });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.what(), HasSubstr("weights.bin"));
}

TEST(ExportSettings, OptionsThatTheOutputCannotHaveAreUsageErrors) {
  for (const auto& [key, value, output] :
       std::vector<std::array<const char*, 3>>{{"consolidate.ranks", "2", "a.pth"},
                                               {"consolidate.max_part_size", "1GB", "a.pth"},
                                               {"consolidate.dtype", "bfloat16", "iter_0000001"},
                                               {"consolidate.ema", "true", "iter_0000001"},
                                               {"consolidate.max_memory", "much", "a.pth"}}) {
    EXPECT_EQ(error_of([&] { settings_for(output, {{key, value, ""}}); }).kind(), ExitCode::usage) << key;
  }
}

}  // namespace
}  // namespace dfm::ckpt
