// Sizes that can be sampled, and how they are written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/keys.h"
#include "sample/sampling_settings.h"
#include "support/errors.h"

namespace dfm::sample {
namespace {

using dfm::testing::error_of;

SamplingSettings settings_of(const Layer& layer) {
  Config config(all_keys());
  config.apply(layer);
  return sampling_settings(config);
}

// golden/derived.md B16: the key "480*832" is width 480, height 832.
TEST(SamplingSettings, ReadASizeAsWidthTimesHeight) {
  for (const char* const size : {"480*832", "480x832"}) {
    const SamplingSettings settings = settings_of({{"sample.size", size, "test"}});
    EXPECT_EQ(settings.width, 480);
    EXPECT_EQ(settings.height, 832);
  }
}

TEST(SamplingSettings, RefuseASizeThatIsNone) {
  for (const char* const size : {"480", "480*", "*832", "480*832*3", "480 832", "x", "1e3*16"}) {
    EXPECT_EQ(error_of([&] {
                settings_of({{"sample.size", size, "test"}});
              }).kind(),
              ExitCode::usage)
        << size;
  }
}

TEST(SamplingSettings, RefuseEdgesThatAreNoMultiplesOf16WithTheNearestBelow) {
  const Error error = error_of([] { settings_of({{"sample.size", "40*64", "test"}}); });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.hint(), ::testing::HasSubstr("32"));
  for (const char* const size : {"0*16", "-16*16", "16*8"}) {
    EXPECT_EQ(error_of([&] {
                settings_of({{"sample.size", size, "test"}});
              }).kind(),
              ExitCode::usage)
        << size;
  }
}

TEST(SamplingSettings, TakeFrameCountsThatTheCodecCanMake) {
  for (const char* const frames : {"1", "5", "9", "81"}) {
    EXPECT_NO_THROW(settings_of({{"sample.num_frames", frames, "test"}}));
  }
  for (const char* const frames : {"2", "4", "80"}) {
    EXPECT_EQ(error_of([&] {
                settings_of({{"sample.num_frames", frames, "test"}});
              }).kind(),
              ExitCode::usage);
  }
}

}  // namespace
}  // namespace dfm::sample
