// Exporting with several ranks: what comes out is the same on any number of them, whole or not there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "ckpt/export/export.h"
#include "ckpt/export/metadata.h"
#include "ckpt/import/find_source.h"
#include "ckpt/safetensors.h"
#include "comm/agree.h"
#include "data/pickle/torch_archive.h"
#include "mpi/newest_valid.h"
#include "mpi/shared_folder.h"
#include "support/errors.h"
#include "unit/ckpt/made_checkpoint.h"

namespace dfm::ckpt {
namespace {

namespace fs = std::filesystem;
using testing::error_of;
using ::testing::HasSubstr;
using testing::SharedFolder;

class Export : public ::testing::Test {
 protected:
  // Collective. A checkpoint of that many rank files.
  fs::path make(int files, const std::vector<std::string>& kinds = {kWeights}) const {
    const fs::path root = folder_ / ("run" + std::to_string(files));
    if (world_.rank() == 0) make_checkpoint(root, 7, files, kinds);
    world_.barrier();
    return root;
  }

  // Collective.
  ExportReport export_to(const fs::path& root, const ExportSettings& settings) const {
    const Source source = find_source(world_, root, wanted_kinds(settings));
    return export_source(world_, source, settings, ProgressStyle::silent);
  }
  ExportReport export_plainly(const fs::path& root, const std::string& name) const {
    return export_to(root, ExportSettings{.output = folder_ / name});
  }

  comm::Group world_ = comm::Group::world();
  SharedFolder folder_{world_};
};

void expect_made_values(const Array& tensor) {
  EXPECT_EQ(tensor.shape, kMadeShape);
  for (std::int64_t i = 0; i < kMadeElements; ++i) EXPECT_EQ(tensor.as<float>()[i], made_value(7, i));
}

TEST_F(Export, GivesTheTensorsOfThePiecesHoweverManyFilesHoldThem) {
  for (const int files : {1, 2, 5, 13}) {
    const ExportReport report = export_plainly(make(files), "out.safetensors");
    expect_made_values(SafetensorsFile(folder_ / "out.safetensors").read("w"));
    EXPECT_EQ(report.tensors, 1);
    EXPECT_EQ(report.parameters, kMadeElements);
    EXPECT_EQ(report.bytes, 4U * kMadeElements);
    world_.barrier();
  }
}

TEST_F(Export, CarriesConfigurationAndStep) {
  export_plainly(make(2), "out.safetensors");
  const TextMetadata metadata = SafetensorsFile(folder_ / "out.safetensors").metadata();
  EXPECT_EQ(metadata.at("format"), "pt");
  EXPECT_EQ(metadata.at(kStepMetadata), "7");
  EXPECT_EQ(nlohmann::json::parse(metadata.at(kConfigMetadata)),
            nlohmann::json::parse(R"({"model.num_layers": "2"})"));
}

TEST_F(Export, ATorchFileIsReadAgainWithConfigurationAndStep) {
  export_to(make(3), {.output = folder_ / "model.pth", .format = ExportFormat::torch});
  const Source source = find_source(world_, folder_ / "model.pth", {});
  ASSERT_EQ(source.tensors.size(), 1U);
  Array tensor = make_array(DType::float32, source.tensors[0].shape);
  source.tensors[0].read(0, tensor.bytes);
  expect_made_values(tensor);
  EXPECT_EQ(source.step, 7);
  EXPECT_EQ(source.config.at("model.num_layers"), "2");
}

TEST_F(Export, ADifferentLayoutHoldsEveryKindWithTheSameValues) {
  const std::vector<std::string> kinds{kWeights, kFirstMoment, kSecondMoment, kMovingAverage};
  export_to(make(2, kinds), {.output = folder_ / "other", .format = ExportFormat::checkpoint, .ranks = 5});
  const auto found = dfm::testing::newest_valid(world_, folder_ / "other");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->manifest->ranks, 5);
  PieceReader reader(piece_files(*found, 0));
  for (const std::string& kind : kinds) {
    Array tensor = make_array(DType::float32, kMadeShape);
    reader.read(kind, "w", kMadeShape, 0, tensor.as<float>());
    expect_made_values(tensor);
  }
}

TEST_F(Export, WritesATensorInSlicesWhereMemoryIsShort) {
  const SourceTensor tensor{
      .name = "long", .dtype = DType::float32, .shape = {1'000'003}, .read = [](auto begin, auto out) {
        for (std::size_t i = 0; i < out.size() / 4; ++i) {
          const auto value = static_cast<float>(begin + static_cast<std::int64_t>(i));
          std::memcpy(out.data() + i * 4, &value, 4);
        }
      }};
  Source source;
  source.tensors = {tensor};
  const ExportSettings settings{.output = folder_ / "out.safetensors", .dtype = DType::float64};
  export_source(world_, source, settings, ProgressStyle::silent);
  const Array written = SafetensorsFile(folder_ / "out.safetensors").read("long");
  for (std::int64_t i = 0; i < 1'000'003; ++i)
    ASSERT_EQ(written.as<double>()[static_cast<std::size_t>(i)], i);
}

TEST_F(Export, AMissingMovingAverageIsAUsageErrorThatNamesTheKey) {
  const fs::path root = make(2);
  const ExportSettings settings{.output = folder_ / "out.safetensors", .kind = kMovingAverage};
  const Error error = error_of([&] { export_to(root, settings); });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.what(), HasSubstr("holds no ema"));
  EXPECT_THAT(error.hint(), HasSubstr("train.ema_decay"));
  EXPECT_FALSE(fs::exists(folder_ / "out.safetensors"));
}

TEST_F(Export, KeepsTheOldOutputAndLeavesNothingWhenATensorCannotBeRead) {
  if (world_.rank() == 0) testing::write_file(folder_ / "out.safetensors", "old");
  Source source;
  source.path = folder_.path();
  source.tensors = {
      {.name = "w", .shape = {100}, .read = [](auto, auto) { throw data_error("it is damaged"); }}};
  const ExportSettings settings{.output = folder_ / "out.safetensors"};
  EXPECT_EQ(error_of([&] { export_source(world_, source, settings, ProgressStyle::silent); }).kind(),
            ExitCode::data);
  world_.barrier();
  EXPECT_EQ(testing::file_content(folder_ / "out.safetensors"), "old");
  EXPECT_FALSE(fs::exists(folder_ / ".out.safetensors.partial"));
}

TEST_F(Export, AChecksumOfTheSourceThatDiffersIsADataErrorOnAllRanks) {
  Source source;
  source.path = folder_.path();
  source.tensors = {{.name = "w",
                     .shape = {1000},
                     .read = [](auto, auto out) { std::ranges::fill(out, std::byte{0}); },
                     .crc32 = 5U}};
  const ExportSettings settings{.output = folder_ / "out.safetensors"};
  const Error error = error_of([&] { export_source(world_, source, settings, ProgressStyle::silent); });
  EXPECT_EQ(error.kind(), ExitCode::data);
  EXPECT_THAT(error.what(), HasSubstr("00000005 is recorded"));
}

TEST_F(Export, ACheckpointThatIsThereIsNotReplaced) {
  const fs::path root = make(2);
  const ExportSettings settings{.output = folder_ / "other", .format = ExportFormat::checkpoint, .ranks = 2};
  export_to(root, settings);
  EXPECT_EQ(error_of([&] { export_to(root, settings); }).kind(), ExitCode::usage);
}

}  // namespace
}  // namespace dfm::ckpt
