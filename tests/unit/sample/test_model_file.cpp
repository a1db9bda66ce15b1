// A model from one file: weights, configuration, and what is wrong with files that are not such.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/errors.h"
#include "support/temporary_folder.h"
#include "unit/sample/small_weights.h"

namespace dfm::sample {
namespace {

using dfm::testing::error_of;
using ::testing::HasSubstr;

class ModelFile : public ::testing::Test {
 protected:
  ModelFile() { write_small_weights(path_); }

  dfm::testing::TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_ / "weights.safetensors";
};

TEST_F(ModelFile, CarriesEverythingThatSamplingNeeds) {
  const SamplingModel model = load_model(path_, at::kFloat);
  EXPECT_EQ(model.parameters.find("x_embedder.bias").count(), 32);
  EXPECT_EQ(model.sigma_data, 0.6);
  EXPECT_EQ(model.encoders.codec, "dct");
  EXPECT_EQ(model.encoders.text.name, "hash");
  const SmallNetwork expected(1);
  for (const nn::Parameter& parameter : expected.parameters.all()) {
    EXPECT_TRUE(at::equal(model.parameters.find(parameter.name).value, parameter.value)) << parameter.name;
  }
}

TEST_F(ModelFile, IsRoundedToTheAskedArithmetic) {
  const SamplingModel model = load_model(path_, at::kBFloat16);
  const at::Tensor expected = SmallNetwork(1).parameters.find("x_embedder.weight").value.to(at::kBFloat16);
  EXPECT_TRUE(at::equal(model.parameters.find("x_embedder.weight").value, expected));
}

TEST_F(ModelFile, HasAnotherFingerprintWithOtherWeightsOrArithmetic) {
  write_small_weights(folder_ / "other.safetensors", 2);
  const std::string fingerprint = load_model(path_, at::kFloat).fingerprint;
  EXPECT_EQ(load_model(path_, at::kFloat).fingerprint, fingerprint);
  EXPECT_NE(load_model(path_, at::kBFloat16).fingerprint, fingerprint);
  EXPECT_NE(load_model(folder_ / "other.safetensors", at::kFloat).fingerprint, fingerprint);
}

TEST_F(ModelFile, ThatIsAFolderIsAUsageErrorThatNamesTheProgramToRun) {
  const Error error = error_of([&] { load_model(folder_.path(), at::kFloat); });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.hint(), HasSubstr("dfm_consolidate"));
}

TEST_F(ModelFile, WithoutConfigurationIsADataError) {
  ckpt::SafetensorsWriter(folder_ / "bare.safetensors", {}, {{"format", "pt"}}).commit();
  const Error error = error_of([&] { load_model(folder_ / "bare.safetensors", at::kFloat); });
  EXPECT_EQ(error.kind(), ExitCode::data);
  EXPECT_THAT(error.what(), HasSubstr("carries no configuration"));
}

TEST_F(ModelFile, ThatLacksATensorIsADataErrorThatNamesIt) {
  const std::string config = nlohmann::json(small_config().values_as_text()).dump();
  ckpt::SafetensorsWriter(folder_ / "empty.safetensors", {}, {{ckpt::kConfigMetadata, config}}).commit();
  const Error error = error_of([&] { load_model(folder_ / "empty.safetensors", at::kFloat); });
  EXPECT_EQ(error.kind(), ExitCode::data);
  EXPECT_THAT(error.what(), HasSubstr("affline_norm.weight"));
}

TEST_F(ModelFile, WithAConfigurationThatIsNoObjectOfTextsIsADataError) {
  for (const char* const config : {"", "{", "[1]", "7", R"({"model.num_layers": 3})"}) {
    const auto path = folder_ / "odd.safetensors";
    ckpt::SafetensorsWriter(path, {}, {{ckpt::kConfigMetadata, config}}).commit();
    EXPECT_EQ(error_of([&] { load_model(path, at::kFloat); }).kind(), ExitCode::data) << config;
  }
}

}  // namespace
}  // namespace dfm::sample
