// Folders of pretrained networks: their configuration and weights, and what is wrong with them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ckpt/safetensors.h"
#include "encoders/pretrained.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace dfm::encoders {
namespace {

using dfm::testing::error_of;
using ::testing::HasSubstr;

class Pretrained : public ::testing::Test {
 protected:
  PretrainedConfig config(const std::string& text) const {
    folder_.write("config.json", text);
    return PretrainedConfig(folder_.path());
  }
  void write_weights(const std::vector<float>& values, const Shape& shape) const {
    ckpt::SafetensorsWriter writer(folder_ / "model.safetensors", {{"a", DType::float32, shape}}, {});
    writer.append(std::as_bytes(std::span(values)));
    writer.commit();
  }

  dfm::testing::TemporaryFolder folder_;
};

TEST_F(Pretrained, GivesWhatItsConfigurationSays) {
  const PretrainedConfig values = config(R"({"n": 3, "x": 0.5, "on": true, "name": "t5", "all": [1, 2]})");
  EXPECT_EQ(values.integer("n"), 3);
  EXPECT_EQ(values.real("x"), 0.5);
  EXPECT_TRUE(values.flag("on"));
  EXPECT_EQ(values.text("name"), "t5");
  EXPECT_EQ(values.integers("all"), (std::vector<std::int64_t>{1, 2}));
}

TEST_F(Pretrained, TakesTheDefaultForWhatIsMissingOrNull) {
  const PretrainedConfig values = config(R"({"none": null})");
  EXPECT_EQ(values.integer("n", 128), 128);
  EXPECT_EQ(values.real("none", 1e-6), 1e-6);
}

TEST_F(Pretrained, NamesAKeyThatIsMissingOrNoSuchValue) {
  const PretrainedConfig values =
      config(R"({"half": 0.5, "yes": true, "many": 1e18, "none": 0, "text": "3"})");
  EXPECT_THAT(error_of([&] { values.integer("n"); }).what(), HasSubstr("config.json has no n"));
  for (const char* const key : {"half", "yes", "many", "none", "text"}) {
    const Error error = error_of([&] { values.integer(key); });
    EXPECT_EQ(error.kind(), ExitCode::data) << key;
    EXPECT_THAT(error.what(), HasSubstr(key));
  }
}

TEST_F(Pretrained, WithoutAConfigurationIsAUsageError) {
  const Error error = error_of([&] { PretrainedConfig(folder_ / "nothing"); });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.what(), HasSubstr("config.json is not there"));
}

TEST_F(Pretrained, OfAPipelineIsItsPart) {
  std::filesystem::create_directory(folder_ / "vae");
  EXPECT_EQ(folder_of_part(folder_.path(), "vae"), folder_ / "vae");
  EXPECT_EQ(folder_of_part(folder_.path(), "text_encoder"), folder_.path());
}

TEST_F(Pretrained, WeightsAreConvertedToWhatIsComputedIn) {
  write_weights({1, 2, 3.001F}, {3});
  const at::Tensor read = WeightReader(folder_.path(), {at::kBFloat16, at::kCPU}).read("a", {3});
  EXPECT_EQ(read.scalar_type(), at::kBFloat16);
  EXPECT_EQ(read[2].item<float>(), 3.0F);
}

TEST_F(Pretrained, WeightsOfAnotherShapeOrNameAreDataErrors) {
  write_weights({1, 2, 3}, {3});
  WeightReader weights(folder_.path(), {});
  const Error shape = error_of([&] { weights.read("a", {1, 3}); });
  EXPECT_EQ(shape.kind(), ExitCode::data);
  EXPECT_THAT(shape.what(), HasSubstr("has the shape [3] instead of [1, 3]"));
  EXPECT_THAT(error_of([&] { weights.read("b", {3}); }).what(), HasSubstr("lack b"));
}

TEST_F(Pretrained, FolderWithoutWeightsIsADataErrorThatSaysWhatItNeeds) {
  const Error error = error_of([&] { WeightReader(folder_.path(), {}); });
  EXPECT_EQ(error.kind(), ExitCode::data);
  EXPECT_THAT(error.hint(), HasSubstr("model.safetensors"));
}

TEST_F(Pretrained, FingerprintTellsOtherWeights) {
  const auto fingerprint_of = [&](const std::vector<float>& values) {
    write_weights(values, {2});
    WeightReader weights(folder_.path(), {});
    weights.read("a", {2});
    return weights.fingerprint();
  };
  const std::string first = fingerprint_of({1, 2});
  EXPECT_EQ(fingerprint_of({1, 2}), first);
  EXPECT_NE(fingerprint_of({1, 3}), first);
}

}  // namespace
}  // namespace dfm::encoders
