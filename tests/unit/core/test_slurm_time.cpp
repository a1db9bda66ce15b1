#include <cstdlib>

#include <gtest/gtest.h>

#include "core/slurm_time.h"
#include "support/child_process.h"

namespace dfm {
namespace {

using std::chrono::seconds;
using testing::run_in_child;
using testing::TemporaryFolder;

// The seconds until the job's end in a process of its own, which may change its environment; -1: unknown.
int seconds_left(const std::function<void()>& change_environment) {
  return run_in_child([&] {
           ::unsetenv("SLURM_JOB_ID");
           ::unsetenv("SLURM_JOB_END_TIME");
           change_environment();
           const auto end = slurm_end_time();
           if (!end) return 255;
           return static_cast<int>(
               std::chrono::duration_cast<seconds>(*end - std::chrono::system_clock::now()).count());
         })
      .exit_code;
}

void put_fake_squeue_first(const TemporaryFolder& folder, const std::string& script) {
  const auto path = folder.write("squeue", "#!/bin/sh\n" + script);
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  ::setenv("PATH", (folder.path().native() + ":" + std::getenv("PATH")).c_str(), 1);
}

TEST(SlurmTime, ReadsTheTimeLeftAsSqueuePrintsIt) {
  EXPECT_EQ(parse_slurm_duration("5:07"), seconds(307));
  EXPECT_EQ(parse_slurm_duration("1:00:00"), seconds(3600));
  EXPECT_EQ(parse_slurm_duration("2-01:00:01"), seconds(2 * 86'400 + 3601));
  for (const char* const text : {"", "UNLIMITED", "INVALID", "1:x", "-1:00", "1-", ":"}) {
    EXPECT_FALSE(parse_slurm_duration(text)) << text;
  }
}

TEST(SlurmTime, IsUnknownOutsideAJob) {
  EXPECT_EQ(seconds_left([] {}), 255);
}

TEST(SlurmTime, ComesFromTheEnvironmentWhereSlurmSetsIt) {
  const int left = seconds_left([] {
    ::setenv("SLURM_JOB_ID", "7", 1);
    ::setenv("SLURM_JOB_END_TIME", std::to_string(std::time(nullptr) + 100).c_str(), 1);
  });
  EXPECT_GE(left, 97);
  EXPECT_LE(left, 100);
}

TEST(SlurmTime, ElseSqueueIsAsked) {
  const TemporaryFolder folder;
  const int left = seconds_left([&] {
    ::setenv("SLURM_JOB_ID", "7", 1);
    put_fake_squeue_first(folder, "[ \"$*\" = '-h -o %L -j 7' ] && echo 1:40\n");
  });
  EXPECT_GE(left, 97);
  EXPECT_LE(left, 100);
}

TEST(SlurmTime, ASqueueThatFailsOrIsNotThereIsNoObstacle) {
  const TemporaryFolder folder;
  EXPECT_EQ(seconds_left([&] {
              ::setenv("SLURM_JOB_ID", "7", 1);
              put_fake_squeue_first(folder, "exit 1\n");
            }),
            255);
  EXPECT_EQ(seconds_left([&] {
              ::setenv("SLURM_JOB_ID", "7; touch /tmp/dfm_oops", 1);
              put_fake_squeue_first(folder, "echo 1:40\n");
            }),
            255);
  EXPECT_EQ(seconds_left([] {
              ::setenv("SLURM_JOB_ID", "7", 1);
              ::setenv("PATH", "/nowhere", 1);
            }),
            255);
}

}  // namespace
}  // namespace dfm
