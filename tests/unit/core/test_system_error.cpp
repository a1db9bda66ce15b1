#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/log.h"
#include "core/system_error.h"
#include "support/errors.h"

namespace dfm {
namespace {

constexpr RetryPolicy kQuick{4, std::chrono::milliseconds(1)};

// Runs a body that fails `failures` times with this errno. Returns how often it was run.
int runs(int failures, int errno_value) {
  int count = 0;
  try {
    with_retries(
        [&] {
          if (++count <= failures) throw_system_error("read", "x", errno_value);
        },
        kQuick);
  } catch (const SystemError& error) {
    EXPECT_EQ(error.errno_value(), errno_value);
    EXPECT_EQ(error.kind(), ExitCode::storage);
    return -count;
  }
  return count;
}

TEST(Retries, EndWithTheFirstSuccess) {
  EXPECT_EQ(runs(0, EIO), 1);
  EXPECT_EQ(runs(2, EIO), 3);
  EXPECT_EQ(runs(3, ESTALE), 4);
}

TEST(Retries, AreBounded) { EXPECT_EQ(runs(99, EIO), -4); }

TEST(Retries, AreNotMadeForWhatDoesNotPass) {
  for (const int lasting : {ENOSPC, EDQUOT, EROFS, EACCES, ENOENT})
    EXPECT_EQ(runs(1, lasting), -1) << lasting;
}

TEST(Retries, AreNotMadeForOtherErrors) {
  int count = 0;
  EXPECT_THROW(with_retries(
                   [&] {
                     ++count;
                     throw data_error("x");
                   },
                   kQuick),
               Error);
  EXPECT_EQ(count, 1);
}

TEST(Retries, GiveTheResult) {
  EXPECT_EQ(with_retries([] { return 7; }), 7);
}

}  // namespace
}  // namespace dfm
