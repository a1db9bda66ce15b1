// A folder that one program at a time writes into.
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/folder_claim.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace dfm {
namespace {

using std::chrono::milliseconds;

TEST(FolderClaim, IsRefusedWhileAnotherHoldsTheFolder) {
  const testing::TemporaryFolder folder;
  std::optional<FolderClaim> first(folder.path());
  const Error error = testing::error_of([&] { FolderClaim(folder.path(), milliseconds(1)); });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.what(), ::testing::HasSubstr(folder.path().native()));
  first.reset();
  EXPECT_NO_THROW(FolderClaim(folder.path(), milliseconds(1)));
}

TEST(FolderClaim, LeavesOtherFoldersAndMissingOnesAlone) {
  const testing::TemporaryFolder one, other;
  const FolderClaim first(one.path());
  EXPECT_NO_THROW(FolderClaim(other.path(), milliseconds(1)));
  EXPECT_NO_THROW(FolderClaim(one / "nowhere", milliseconds(1)));
}

}  // namespace
}  // namespace dfm
