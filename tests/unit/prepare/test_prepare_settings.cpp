// Settings of dfm_prepare, and the fingerprint by which a folder knows what it was made with.
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/errors.h"
#include "unit/prepare/small_pictures.h"

namespace dfm::prepare {
namespace {

using dfm::testing::error_of;
using ::testing::HasSubstr;

std::string fingerprint(const Layer& more) { return settings_with("in", "out", more).fingerprint; }

TEST(PrepareSettings, HaveAnotherFingerprintWhateverDecidesTheShards) {
  const std::set<std::string> different{
      fingerprint({}),
      fingerprint({{"prepare.shard_maxcount", "3", "test"}}),
      fingerprint({{"prepare.resize_mode", "area", "test"}}),
      fingerprint({{"prepare.height", "32", "test"}, {"prepare.width", "16", "test"}}),
      fingerprint({{"prepare.height", "16", "test"}, {"prepare.width", "32", "test"}}),
      fingerprint({{"prepare.mode", "frames", "test"}}),
      fingerprint({{"prepare.mode", "frames", "test"}, {"prepare.num_frames", "3", "test"}})};
  EXPECT_EQ(different.size(), 7U);
}

TEST(PrepareSettings, RefuseASizeThatIsNoMultipleOf16) {
  const Error error = error_of([] {
    settings_with("in", "out", {{"prepare.height", "40", "test"}, {"prepare.width", "32", "test"}});
  });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.hint(), HasSubstr("32 or 48"));
}

TEST(PrepareSettings, RefuseOnlyOneOfHeightAndWidth) {
  const Error error = error_of([] { settings_with("in", "out", {{"prepare.height", "32", "test"}}); });
  EXPECT_EQ(error.kind(), ExitCode::usage);
}

}  // namespace
}  // namespace dfm::prepare
