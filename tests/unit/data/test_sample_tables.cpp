// The memory that index.sqlite is made in. What it holds is compared with the real Energon in tests/interop.
#include <fstream>
#include <string>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "data/energon/sample_tables.h"
#include "support/errors.h"
#include "support/small_disk.h"

namespace dfm::data::testing {
namespace {

using dfm::testing::SmallDisk;
using dfm::testing::TemporaryFolder;

// The greatest size that this process had since the last call, in KiB; 0 where the kernel does not tell.
long take_peak_kib() {
  long peak = 0;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) peak = std::stol(line.substr(6));
  }
  std::ofstream reset("/proc/self/clear_refs");
  reset << "5" << std::flush;
  return reset.good() ? peak : 0;
}

// Keys are not in order, and each comes once.
void add_samples(SampleTables& tables, std::uint64_t samples) {
  ShardSample sample{.key = {}, .offset = 0, .parts = {{"txt", 512, 200}}};
  for (std::uint64_t i = 0; i < samples; ++i) {
    sample.key = fmt::format("{:0>80}", i * 7919 % samples);
    tables.add(sample, 1024, {0, i});
  }
}

long peak_of_tables(std::uint64_t samples) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / ".nv-meta");
  take_peak_kib();
  SampleTables tables(folder.path());
  add_samples(tables, samples);
  EXPECT_FALSE(tables.index());
  tables.commit();
  return take_peak_kib();
}

TEST(SampleTables, ItsMemoryDoesNotFollowTheNumberOfSamples) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizer keeps what is freed";
#endif
  if (take_peak_kib() == 0) GTEST_SKIP() << "this kernel does not reset the peak of a process";
  constexpr std::uint64_t kSamples = 80'000;
  const long one = peak_of_tables(kSamples), four = peak_of_tables(4 * kSamples);
  EXPECT_LT(four, one + 8192) << one << " KiB before";
}

TEST(SampleTables, OnAFullDiskAreAStorageErrorThatNamesBothFolders) {
  const SmallDisk disk(1U << 20U);
  if (!disk.is_mounted()) GTEST_SKIP() << "only root mounts file systems";
  std::filesystem::create_directory(disk / ".nv-meta");
  const Error error = dfm::testing::error_of([&] {
    SampleTables tables(disk.path());
    add_samples(tables, 20'000);
    tables.index();
    tables.commit();
  });
  EXPECT_EQ(error.kind(), ExitCode::storage);
  EXPECT_NE(error.hint().find("TMPDIR"), std::string::npos);
}

}  // namespace
}  // namespace dfm::data::testing
