// What the environment tells of launchers.
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "comm/launcher.h"

namespace dfm::comm {
namespace {

constexpr const char* kOfLaunchers[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK",   "PMI_RANK",
                                        "SLURM_PROCID",         "ALPS_APP_PE", "FLUX_TASK_RANK",
                                        "JSM_NAMESPACE_RANK"};

// In a process of its own, so that the environment of the others stays.
template <class Body>
void expect_in_own_process(Body&& body) {
  EXPECT_EXIT(std::exit(body() ? 0 : 1), ::testing::ExitedWithCode(0), "");
}

void forget_launchers() {
  for (const char* const name : kOfLaunchers) ::unsetenv(name);
}

TEST(Launcher, IsKnownByTheRankThatItGives) {
  for (const char* const name : kOfLaunchers) {
    SCOPED_TRACE(name);
    expect_in_own_process([name] {
      forget_launchers();
      ::setenv(name, "12", 1);
      return launched_rank() == 12;
    });
  }
}

TEST(Launcher, IsMissingWhereNobodyGaveARank) {
  expect_in_own_process([] {
    forget_launchers();
    return !launched_rank().has_value();
  });
}

TEST(Launcher, WhatTheEnvironmentAsksForGoesBeforeBeingAlone) {
  expect_in_own_process([] {
    ::setenv("OMPI_MCA_pml", "ucx", 1);
    ::unsetenv("OMPI_MCA_ess_singleton_isolated");
    prepare_to_be_alone();
    return std::getenv("OMPI_MCA_pml") == std::string("ucx") &&
           std::getenv("OMPI_MCA_ess_singleton_isolated") == std::string("1");
  });
}

}  // namespace
}  // namespace dfm::comm
