#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ckpt/checkpoint.h"
#include "ckpt/local_nodes.h"
#include "ckpt/pointer.h"
#include "ckpt/read_ahead.h"
#include "ckpt/run_id.h"
#include "core/file.h"
#include "support/temporary_folder.h"

namespace dfm::ckpt {
namespace {

constexpr std::size_t kBytes = 24U << 20U;

// A file that is on the disk and, if that is to be had here, nowhere else.
void write_cold(const std::filesystem::path& path) {
  File file = File::create(path);
  file.append(std::string(kBytes, 'x'));
  file.sync();
  file.close();
  const int descriptor = ::open(path.c_str(), O_RDONLY);
  ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
  ::close(descriptor);
}

std::size_t pages_in_memory(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY);
  void* const view = ::mmap(nullptr, kBytes, PROT_READ, MAP_SHARED, descriptor, 0);
  std::vector<unsigned char> resident(kBytes / static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)));
  ::mincore(view, kBytes, resident.data());
  ::munmap(view, kBytes);
  ::close(descriptor);
  return static_cast<std::size_t>(
      std::ranges::count_if(resident, [](unsigned char page) { return page & 1U; }));
}

TEST(ReadAhead, TheFileOfThisRankInTheNewestCheckpointComesIntoMemory) {
  const testing::TemporaryFolder root;
  const auto folder = checkpoint_folder(root.path(), 7);
  make_folder(folder);
  write_pointer(root.path(), 7);
  const auto mine = folder / "rank_00001.h5", other = folder / "rank_00000.h5";
  write_cold(mine);
  write_cold(other);
  if (pages_in_memory(mine) > 0) GTEST_SKIP() << "this file system keeps files in memory";
  const std::size_t all = kBytes / static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const ReadAhead ahead({root.path(), {}}, 1);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (pages_in_memory(mine) < all && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(pages_in_memory(mine), all);
  EXPECT_EQ(pages_in_memory(other), 0U);
}

TEST(ReadAhead, ANewerCheckpointOnTheNodesOwnDiskComesFirst) {
  const testing::TemporaryFolder shared, disk;
  const CheckpointPlaces places{shared.path(), disk.path()};
  EXPECT_EQ(newest_own_file(places, 2), "");
  write_pointer(shared.path(), 7);
  const auto in_shared = checkpoint_folder(shared.path(), 7) / "rank_00002.h5";
  EXPECT_EQ(newest_own_file(places, 2), in_shared);
  const auto local = disk.path() / local_folder_name(run_id(shared.path()));
  make_folder(checkpoint_folder(local, 6));
  EXPECT_EQ(newest_own_file(places, 2), in_shared);
  make_folder(checkpoint_folder(local, 9));
  EXPECT_EQ(newest_own_file(places, 2), checkpoint_folder(local, 9) / "rank_00002.h5");
  EXPECT_EQ(newest_own_file({shared.path(), {}}, 2), in_shared);
}

TEST(ReadAhead, WhatIsNotThereIsNoMatter) {
  const testing::TemporaryFolder root;
  { const ReadAhead none({root.path() / "missing", root.path() / "none"}, 0); }
  write_pointer(root.path(), 3);
  const ReadAhead no_checkpoint({root.path(), {}}, 0);
}

}  // namespace
}  // namespace dfm::ckpt
