// The section [encoders]: which names are taken, and what may differ where weights are used elsewhere.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/keys.h"
#include "encoders/encoder_name.h"
#include "encoders/encoder_settings.h"
#include "support/errors.h"

namespace dfm::encoders {
namespace {

using dfm::testing::error_of;
using ::testing::HasSubstr;

Config config_with(const Layer& layer) {
  Config config(all_keys());
  config.apply(layer);
  return config;
}

EncoderSettings settings_with(const Layer& layer) { return encoder_settings(config_with(layer)); }

TEST(EncoderName, IsCutAtTheFirstColon) {
  EXPECT_EQ(parse_encoder_name("wan:/models/a:b").kind, "wan");
  EXPECT_EQ(parse_encoder_name("wan:/models/a:b").folder, "/models/a:b");
  EXPECT_TRUE(parse_encoder_name("dct").folder.empty());
}

TEST(EncoderSettings, NeedNoWeightsUnlessTheyAreNamed) {
  EXPECT_FALSE(settings_with({}).have_weights());
  EXPECT_TRUE(settings_with({{"encoders.codec", "wan:/vae", "test"}}).have_weights());
  EXPECT_TRUE(settings_with({{"encoders.text", "umt5:/text", "test"}}).have_weights());
}

TEST(EncoderSettings, RefuseAKindThatIsNotKnownWithThoseThatAre) {
  const Error error = error_of([] { settings_with({{"encoders.codec", "jpeg", "test"}}); });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.what(), HasSubstr("encoders.codec = jpeg is not known"));
  EXPECT_THAT(error.hint(), HasSubstr("dct, wan:DIR"));
}

TEST(EncoderSettings, RefuseWeightsWithoutAFolderAndAFolderWithoutWeights) {
  EXPECT_THAT(error_of([] {
                settings_with({{"encoders.text", "t5", "test"}});
              }).what(),
              HasSubstr("encoders.text = t5 names no folder of weights"));
  EXPECT_THAT(error_of([] {
                settings_with({{"encoders.text", "hash:/there", "test"}});
              }).what(),
              HasSubstr("has no weights in a folder"));
}

TEST(EncoderSettings, TakeFolderAndPrecisionOfThisPlaceAndTheRestOfTraining) {
  const EncoderSettings trained = settings_with({{"encoders.codec", "wan:/there", "test"},
                                                 {"encoders.text", "umt5:/there", "test"},
                                                 {"encoders.text_length", "226", "test"}});
  const EncoderSettings adapted = for_this_place(
      trained,
      config_with({{"encoders.codec", "wan:/here", "test"}, {"encoders.precision", "bf16", "test"}}));
  EXPECT_EQ(adapted.dtype, at::kBFloat16);
  EXPECT_EQ(adapted.codec, "wan:/here");
  EXPECT_EQ(adapted.text.name, "umt5:/there");
  EXPECT_EQ(adapted.text.most_rows, 226);
}

TEST(EncoderSettings, RefuseAnotherKindThanThatOfTraining) {
  const Error error = error_of([] {
    for_this_place(settings_with({}), config_with({{"encoders.codec", "wan:/here", "test"}}));
  });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.what(), HasSubstr("encoders.codec = wan:/here, but the weights were trained with dct"));
}

}  // namespace
}  // namespace dfm::encoders
