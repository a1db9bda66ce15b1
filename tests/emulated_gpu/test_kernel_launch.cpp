// Kernels on the host: what threads of a block have of each other, and what a GPU would not do.
#include <algorithm>
#include <array>
#include <numeric>

#include <gtest/gtest.h>

#include "emulated_gpu/kernel_launch.h"
#include "emulated_gpu/memory.h"

namespace dfm::emulated {
namespace {

constexpr unsigned kThreads = 96;

// By way of shared memory, so that a thread needs what a later one writes.
void reverse(std::array<unsigned, kThreads>* values) {
  auto* const kept = shared_memory<unsigned>();
  kept[threadIdx.x] = (*values)[threadIdx.x];
  __syncthreads();
  (*values)[threadIdx.x] = kept[kThreads - 1 - threadIdx.x];
}

TEST(KernelLaunch, ThreadsSeeWhatOthersWroteBeforeABarrier) {
  std::array<unsigned, kThreads> values{};
  std::iota(values.begin(), values.end(), 0);
  launch("reverse", reverse, 1, kThreads, sizeof(values))(&values);
  for (unsigned i = 0; i < kThreads; ++i) EXPECT_EQ(values.at(i), kThreads - 1 - i);
}

void look_across(std::array<unsigned, kThreads>* values) {
  auto* const kept = shared_memory<unsigned>();
  kept[threadIdx.x] = 7;
  (*values)[threadIdx.x] = kept[(threadIdx.x + 32) % kThreads];
}

TEST(KernelLaunch, AWarpThatDoesNotWaitMissesWhatOthersWrite) {
  std::array<unsigned, kThreads> values{};
  launch("look_across", look_across, 1, kThreads, sizeof(values))(&values);
  EXPECT_TRUE(std::ranges::any_of(values, [](unsigned value) { return value != 7; }));
}

// Sums of the neighbours of each warp.
void add_up(std::array<unsigned, kThreads>* values) {
  unsigned& mine = (*values)[threadIdx.x];
  for (int distance = 16; distance > 0; distance /= 2) mine += __shfl_xor_sync(~0U, mine, distance);
}

TEST(KernelLaunch, LanesOfAWarpExchangeValues) {
  std::array<unsigned, kThreads> values{};
  std::iota(values.begin(), values.end(), 0);
  launch("add_up", add_up, 1, kThreads)(&values);
  for (unsigned i = 0; i < kThreads; ++i) EXPECT_EQ(values.at(i), 32 * 31 / 2 + 32 * 32 * (i / 32));
}

TEST(KernelLaunch, EveryThreadOfTheGridRunsOnce) {
  std::array<int, 24> runs{};
  const auto count = [](std::array<int, 24>* all) {
    ++(*all)[(blockIdx.y * gridDim.x + blockIdx.x) * blockDim.x + threadIdx.x];
  };
  launch("count", count, dim3(2, 3), 4)(&runs);
  EXPECT_TRUE(std::ranges::all_of(runs, [](int times) { return times == 1; }));
}

TEST(KernelLaunch, ABarrierThatNotAllLanesReachEndsTheProcess) {
  const auto divided = [] {
    if (threadIdx.x == 0) return __syncthreads();
    __shfl_xor_sync(~0U, 0, 1);
  };
  EXPECT_DEATH(launch("divided", divided, 1, 32)(), "divided: threads wait for a barrier that others do not");
}

TEST(KernelLaunch, AGridWithoutBlocksEndsTheProcess) {
  EXPECT_DEATH(launch(
                   "nothing", [] {}, 0, 32)(),
               "nothing: a grid of 0 x 1 x 1 blocks");
}

TEST(KernelLaunch, MoreThreadsOrSharedMemoryThanAGpuHasEndTheProcess) {
  EXPECT_DEATH(launch(
                   "wide", [] {}, 1, 2048)(),
               "wide: a block of 2048 x 1 x 1 threads");
  EXPECT_DEATH(launch(
                   "large", [] {}, 1, 32, 1 << 20)(),
               "1048576 bytes of shared memory");
}

TEST(KernelLaunch, AWriteBehindTheEndOfATensorEndsTheProcess) {
  const auto write = [](char* begin) { begin[100] = 1; };
  EXPECT_DEATH(
      {
        const auto memory = device_allocator().allocate(100);
        launch("write", write, 1, 1)(static_cast<char*>(memory.get()));
      },
      "something was written behind the end of 100 bytes");
}

}  // namespace
}  // namespace dfm::emulated
