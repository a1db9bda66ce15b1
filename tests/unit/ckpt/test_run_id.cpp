// The name that tells a run's node-local checkpoints from those of others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ckpt/run_id.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace dfm::ckpt {
namespace {

TEST(RunId, StaysAndDiffersFromThatOfOthers) {
  const testing::TemporaryFolder one, other;
  const std::string id = run_id(one.path() / "made");
  EXPECT_EQ(id.size(), 16U);
  EXPECT_EQ(run_id(one.path() / "made"), id);
  EXPECT_NE(run_id(other.path()), id);
}

TEST(RunId, ThatIsDamagedIsRefused) {
  const testing::TemporaryFolder folder;
  run_id(folder.path());
  std::string text = testing::file_content(folder.path() / kRunIdName);
  text[3] = text[3] == 'a' ? 'b' : 'a';
  testing::write_file(folder.path() / kRunIdName, text);
  EXPECT_EQ(testing::error_of([&] { run_id(folder.path()); }).kind(), ExitCode::data);
}

}  // namespace
}  // namespace dfm::ckpt
