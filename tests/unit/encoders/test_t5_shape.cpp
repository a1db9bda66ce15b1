#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "support/errors.h"
#include "unit/encoders/t5_config.h"

namespace dfm::encoders {
namespace {

using dfm::testing::error_of;
using dfm::testing::shape_of;
using dfm::testing::small_t5_config;
using ::testing::HasSubstr;

void expect_refused(const std::string& key, const Json& value, const std::string& message) {
  Json config = small_t5_config();
  config[key] = value;
  const Error error = error_of([&] { shape_of(config); });
  EXPECT_EQ(error.kind(), ExitCode::data);
  EXPECT_THAT(error.what(), HasSubstr(message));
}

TEST(T5Shape, HasTheDefaultsOfHuggingFace) {
  Json config = small_t5_config();
  config.erase("relative_attention_num_buckets");
  const T5Shape t5 = shape_of(config);
  EXPECT_EQ(t5.buckets, 32);
  EXPECT_EQ(t5.far, 128);
  EXPECT_EQ(t5.epsilon, 1e-6);
  EXPECT_EQ(t5.activation, T5Activation::relu);
  config["model_type"] = "umt5";
  EXPECT_EQ(shape_of(config).activation, T5Activation::gated_gelu);
}

TEST(T5Shape, OfUmt5GivesEachBlockItsOwnBias) {
  Json config = small_t5_config();
  EXPECT_TRUE(shape_of(config).one_bias_for_all_blocks);
  config["model_type"] = "umt5";
  EXPECT_FALSE(shape_of(config).one_bias_for_all_blocks);
}

TEST(T5Shape, RefusesOtherNetworks) {
  expect_refused("model_type", "mt5", "config.json: model_type is 'mt5'");
  expect_refused("feed_forward_proj", "gated-silu", "feed_forward_proj is 'gated-silu'");
}

TEST(T5Shape, RefusesNumbersWithoutSense) {
  expect_refused("d_model", 0, "d_model is 0");
  expect_refused("num_heads", -3, "num_heads is -3");
  expect_refused("layer_norm_epsilon", -1.0, "layer_norm_epsilon is -1");
  expect_refused("relative_attention_num_buckets", 3, "relative_attention_num_buckets is 3");
  expect_refused("relative_attention_max_distance", 8, "relative_attention_max_distance 8");
}

}  // namespace
}  // namespace dfm::encoders
