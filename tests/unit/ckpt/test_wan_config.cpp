#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "ckpt/wan_names.h"
#include "core/json.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace dfm::ckpt {
namespace {

using testing::error_of;
using ::testing::HasSubstr;

// What Wan2.1-T2V-1.3B-Diffusers has in transformer/config.json.
Json published() {
  return parse_json(R"({"_class_name": "WanTransformer3DModel", "_diffusers_version": "0.33.0.dev0",
      "added_kv_proj_dim": null, "attention_head_dim": 128, "cross_attn_norm": true, "eps": 1e-06,
      "ffn_dim": 8960, "freq_dim": 256, "image_dim": null, "in_channels": 16, "num_attention_heads": 12,
      "num_layers": 30, "out_channels": 16, "patch_size": [1, 2, 2], "qk_norm": "rms_norm_across_heads",
      "rope_max_seq_len": 1024, "text_dim": 4096})",
                    "published");
}

class WanConfigFile : public ::testing::Test {
 protected:
  WanConfig read(const std::string& text) const {
    const auto path = folder_ / "config.json";
    testing::write_file(path, text);
    return read_wan_config(path);
  }
  WanConfig read_with(const char* key, const Json& value) const {
    Json json = published();
    json[key] = value;
    return read(json.dump());
  }

  testing::TemporaryFolder folder_;
};

TEST_F(WanConfigFile, ThePublishedOneHasTheSizesOfTheRecipe) {
  const auto keys = read(published().dump()).keys;
  EXPECT_EQ(keys.at("model.family"), "wan");
  EXPECT_EQ(keys.at("model.num_layers"), "30");
  EXPECT_EQ(keys.at("model.hidden_size"), "1536");
  EXPECT_EQ(keys.at("model.num_attention_heads"), "12");
  EXPECT_EQ(keys.at("model.ffn_hidden_size"), "8960");
  EXPECT_EQ(keys.at("model.crossattn_emb_size"), "1536");
  EXPECT_EQ(keys.at("model.text_dim"), "4096");
  EXPECT_EQ(keys.at("model.freq_dim"), "256");
  EXPECT_EQ(std::stod(keys.at("model.layernorm_epsilon")), 1e-6);
}

TEST_F(WanConfigFile, WhatItWritesHasEveryValueOfThePublishedOne) {
  const Json written = parse_json(wan_config_json(read(published().dump()).sizes), "written");
  const Json expected = published();
  for (const auto& [key, value] : expected.items()) {
    if (key == "_diffusers_version") continue;
    EXPECT_EQ(written.at(key), value) << key;
  }
}

TEST_F(WanConfigFile, OtherNetworksAreADataErrorThatNamesKeyAndValue) {
  for (const auto& [key, value] :
       std::vector<std::pair<const char*, Json>>{{"_class_name", "WanVACETransformer3DModel"},
                                                 {"_class_name", nullptr},
                                                 {"patch_size", {1, 4, 4}},
                                                 {"out_channels", 20},
                                                 {"image_dim", 1280},
                                                 {"added_kv_proj_dim", 5120},
                                                 {"qk_norm", "rms_norm"},
                                                 {"qk_norm", nullptr},
                                                 {"cross_attn_norm", false}}) {
    const Error error = error_of([&, key = key, value = value] { read_with(key, value); });
    EXPECT_EQ(error.kind(), ExitCode::data) << key;
    EXPECT_THAT(error.what(), HasSubstr(std::string(key) + " is " + Json(value).dump()));
  }
}

TEST_F(WanConfigFile, NonsenseIsADataError) {
  for (const auto& [key, value] :
       std::vector<std::pair<const char*, Json>>{{"num_layers", 0},
                                                 {"num_layers", 999'999},
                                                 {"num_layers", "thirty"},
                                                 {"num_layers", 30.5},
                                                 {"num_layers", nullptr},
                                                 {"num_attention_heads", -12},
                                                 {"num_attention_heads", 1'000'000},
                                                 {"attention_head_dim", 18446744073709551615ULL},
                                                 {"attention_head_dim", 127},
                                                 {"ffn_dim", true},
                                                 {"text_dim", {1}},
                                                 {"freq_dim", 255},
                                                 {"eps", 0},
                                                 {"eps", "small"},
                                                 {"eps", 1e300},
                                                 {"in_channels", 9e18}}) {
    const Error error = error_of([&, key = key, value = value] { read_with(key, value); });
    EXPECT_EQ(error.kind(), ExitCode::data) << key << value;
    EXPECT_THAT(error.what(), HasSubstr("config.json"));
  }
}

TEST_F(WanConfigFile, WhatIsNoObjectIsADataError) {
  for (const char* text : {"", "[]", "3", "{", "{}", "null"}) {
    EXPECT_EQ(error_of([&] { read(text); }).kind(), ExitCode::data) << text;
  }
}

TEST(WanSizes, AreAUsageErrorForAnotherFamily) {
  const Error error = error_of([] { wan_sizes({{"model.family", "dit"}, {"train.precision", "fp32"}}); });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.what(), HasSubstr("model.family = dit"));
}

TEST(WanSizes, AreAUsageErrorForATextWiderThanTheNetwork) {
  const Error error = error_of([] {
    wan_sizes({{"model.family", "wan"}, {"model.hidden_size", "48"}, {"model.crossattn_emb_size", "64"}});
  });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.what(), HasSubstr("model.crossattn_emb_size = 64"));
}

TEST(WanTensors, OneThatIsMissingOrTooManyIsADataErrorThatNamesIt) {
  const WanSizes sizes{1, 2, 48, 80, 24, 32, 16, 1e-6};
  std::vector<SourceTensor> tensors;
  for (const WanName& name : wan_names(sizes)) {
    for (const std::string& theirs : name.theirs) tensors.push_back({.name = theirs, .shape = name.shape});
  }
  EXPECT_EQ(wan_to_diffusers(wan_from_diffusers(tensors, sizes), sizes).size(), tensors.size());
  std::vector<SourceTensor> more = tensors, less = tensors, other = tensors;
  more.push_back({.name = "blocks.1.norm2.bias", .shape = {48}});
  EXPECT_THAT(error_of([&] { wan_from_diffusers(more, sizes); }).what(), HasSubstr("blocks.1.norm2.bias"));
  less.pop_back();
  EXPECT_THAT(error_of([&] { wan_from_diffusers(less, sizes); }).what(), HasSubstr(tensors.back().name));
  other.back().shape = {7};
  EXPECT_THAT(error_of([&] { wan_from_diffusers(other, sizes); }).what(), HasSubstr("[7] instead of [48]"));
}

}  // namespace
}  // namespace dfm::ckpt
