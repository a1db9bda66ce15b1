#include "emulated_gpu/kernel_launch.h"

#include <array>
#include <cstring>
#include <mutex>
#include <vector>

#include <fmt/format.h>

#include "emulated_gpu/counts.h"
#include "emulated_gpu/failure.h"
#include "emulated_gpu/fibers.h"
#include "emulated_gpu/memory.h"

namespace dfm::emulated {
namespace {

constexpr unsigned kWarp = 32, kMostThreads = 1024;
constexpr std::size_t kMostSharedBytes = std::size_t{227} * 1024;  // of a Hopper GPU
constexpr int kNotWritten = 0xFF;

// Of threads that wait for each other.
struct Barrier {
  unsigned arrived = 0, round = 0;
};

// The threads of one block.
class Block {
 public:
  void run(const char* kernel, const dim3& size, const std::function<void()>& thread) {
    threads_ = size.x * size.y * size.z;
    ended_.assign(threads_, false);
    waits_.assign(threads_, {});
    alive_ = threads_;
    all_ = {};
    warps_.assign((threads_ + kWarp - 1) / kWarp, {});
    alive_in_warp_.assign(warps_.size(), kWarp);
    alive_in_warp_.back() = threads_ - kWarp * static_cast<unsigned>(warps_.size() - 1);
    begins_with_last_ = !begins_with_last_;
    while (alive_ > 0) {
      bool any_moved = false;
      for (unsigned i = 0; i < warps_.size(); ++i)
        any_moved |= run_warp(in_turn(i, warps_.size()), size, thread);
      if (!any_moved) fail(fmt::format("{}: threads wait for a barrier that others do not reach", kernel));
    }
  }

  void wait_for_block() { wait(all_, alive_); }

  void exchange(void* bytes, std::size_t count, int distance) {
    const unsigned lane = current_ % kWarp, warp = current_ / kWarp;
    // Those that are ahead give the next values while others take these.
    auto& given = given_[warp][warps_[warp].round % 2];
    std::memcpy(&given[lane], bytes, count);
    wait(warps_[warp], alive_in_warp_[warp]);
    std::memcpy(bytes, &given[lane ^ static_cast<unsigned>(distance)], count);
  }

 private:
  struct Wait {
    const Barrier* barrier = nullptr;
    unsigned round = 0;
  };

  unsigned in_turn(unsigned i, std::size_t count) const {
    return begins_with_last_ ? static_cast<unsigned>(count) - 1 - i : i;
  }

  // As far as it gets without other warps: what these have not waited for is late then. Whether it got on.
  bool run_warp(unsigned warp, const dim3& size, const std::function<void()>& thread) {
    const unsigned first = warp * kWarp, lanes = std::min(kWarp, threads_ - first);
    bool any_moved = false;
    do {
      has_moved_ = false;
      for (unsigned i = 0; i < lanes; ++i) {
        current_ = first + in_turn(i, lanes);
        go_on(size, thread);
      }
      any_moved |= has_moved_;
    } while (has_moved_);
    return any_moved;
  }

  void go_on(const dim3& size, const std::function<void()>& thread) {
    const Wait& mine = waits_[current_];
    if (ended_[current_] || (mine.barrier != nullptr && mine.barrier->round == mine.round)) return;
    threadIdx = {current_ % size.x, current_ / size.x % size.y, current_ / (size.x * size.y)};
    if (!fibers_.resume(current_, thread)) return;
    ended_[current_] = true;
    has_moved_ = true;
    --alive_;
    --alive_in_warp_[current_ / kWarp];
    release(all_, alive_);  // those that are left may have waited for this one
  }

  void release(Barrier& barrier, unsigned of) {
    if (barrier.arrived == 0 || barrier.arrived < of) return;
    barrier.arrived = 0;
    ++barrier.round;
    has_moved_ = true;
  }

  void wait(Barrier& barrier, unsigned of) {
    const unsigned round = barrier.round;
    ++barrier.arrived;
    release(barrier, of);
    if (barrier.round != round) return;
    waits_[current_] = {&barrier, round};
    fibers_.yield();
  }

  Fibers fibers_;
  unsigned threads_ = 0, alive_ = 0, current_ = 0;
  std::vector<bool> ended_;
  std::vector<Wait> waits_;
  Barrier all_;
  std::vector<Barrier> warps_;
  std::vector<unsigned> alive_in_warp_;
  using OfLanes = std::array<float4, kWarp>;
  std::array<std::array<OfLanes, 2>, kMostThreads / kWarp> given_{};
  bool has_moved_ = false;
  bool begins_with_last_ = true;  // in turns, since a GPU keeps no order either
};

// One launch runs at a time.
std::mutex mutex;
Block block;
std::vector<float4> shared;

void require_possible(const char* kernel, const LaunchShape& shape) {
  const auto& [grid, threads, bytes] = shape;
  constexpr unsigned kMostBlocks = 65535;
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > 0x7FFFFFFFU || grid.y > kMostBlocks ||
      grid.z > kMostBlocks)
    fail(fmt::format("{}: a grid of {} x {} x {} blocks", kernel, grid.x, grid.y, grid.z));
  const std::size_t all = std::size_t{threads.x} * threads.y * threads.z;
  if (all == 0 || all > kMostThreads)
    fail(fmt::format("{}: a block of {} x {} x {} threads", kernel, threads.x, threads.y, threads.z));
  require_shared_memory(bytes);
}

}  // namespace

void require_shared_memory(std::size_t bytes) {
  if (bytes > kMostSharedBytes)
    fail(fmt::format("{} bytes of shared memory, of {}", bytes, kMostSharedBytes));
}

void* dynamic_shared_memory() { return shared.data(); }

void exchange_in_warp(void* bytes, std::size_t size, int distance) { block.exchange(bytes, size, distance); }

void run_grid(const char* kernel, const LaunchShape& shape, const std::function<void()>& thread) {
  require_possible(kernel, shape);
  count_operator(kernel);
  const std::lock_guard lock(mutex);
  const DeviceAccess access;
  gridDim = shape.grid;
  blockDim = shape.block;
  shared.resize(shape.shared_bytes / sizeof(float4) + 1);
  for (blockIdx.z = 0; blockIdx.z < shape.grid.z; ++blockIdx.z) {
    for (blockIdx.y = 0; blockIdx.y < shape.grid.y; ++blockIdx.y) {
      for (blockIdx.x = 0; blockIdx.x < shape.grid.x; ++blockIdx.x) {
        std::memset(shared.data(), kNotWritten, shared.size() * sizeof(float4));
        block.run(kernel, shape.block, thread);
      }
    }
  }
}

}  // namespace dfm::emulated

void __syncthreads() { dfm::emulated::block.wait_for_block(); }
