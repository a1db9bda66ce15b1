// The token belongs to the whole process and is never taken back: each test has a process of its own.
#include <csignal>

#include <gtest/gtest.h>

#include "core/stop_token.h"
#include "support/child_process.h"

namespace dfm {
namespace {

using testing::run_in_child;

// 0 when the reason is the expected one, in a fresh process that has run body.
template <class Body>
int reason_differs(const std::string& expected, Body&& body) {
  return run_in_child([&] {
           StopToken::install_signal_handlers();
           body();
           return StopToken::reason() == expected && StopToken::requested() == !expected.empty() ? 0 : 1;
         })
      .exit_code;
}

TEST(StopToken, IsNotSetAtTheStart) {
  EXPECT_EQ(reason_differs("", [] {}), 0);
}

TEST(StopToken, IsSetByEachOfItsSignals) {
  EXPECT_EQ(reason_differs("signal USR1", [] { std::raise(SIGUSR1); }), 0);
  EXPECT_EQ(reason_differs("signal USR2", [] { std::raise(SIGUSR2); }), 0);
  EXPECT_EQ(reason_differs("signal TERM", [] { std::raise(SIGTERM); }), 0);
  EXPECT_EQ(reason_differs("signal INT", [] { std::raise(SIGINT); }), 0);
}

TEST(StopToken, IsSetByTheProgramItself) {
  EXPECT_EQ(reason_differs("--stop-after-steps", [] { StopToken::request("--stop-after-steps"); }), 0);
}

TEST(StopToken, KeepsTheFirstReason) {
  EXPECT_EQ(reason_differs("signal USR1",
                           [] {
                             std::raise(SIGUSR1);
                             std::raise(SIGTERM);
                             StopToken::request("later");
                           }),
            0);
}

TEST(StopToken, RepeatedSignalsDoNotEndTheProcess) {
  EXPECT_EQ(reason_differs("signal TERM",
                           [] {
                             for (int i = 0; i < 100; ++i) std::raise(SIGTERM);
                           }),
            0);
}

TEST(StopToken, HearsASignalThatCameWhileALauncherHadItBlocked) {
  const auto result = run_in_child([] {
    sigset_t blocked{};
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
    std::raise(SIGTERM);
    StopToken::install_signal_handlers();
    return StopToken::reason() == "signal TERM" ? 0 : 1;
  });
  EXPECT_EQ(result.exit_code, 0);
}

TEST(StopToken, WithoutItsHandlersASignalEndsTheProcess) {
  const auto result = run_in_child([] {
    std::raise(SIGUSR1);
    return 0;
  });
  EXPECT_EQ(result.signal_number, SIGUSR1);
}

}  // namespace
}  // namespace dfm
