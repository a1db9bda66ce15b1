#include "emulated_gpu/memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <vector>

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/error.h"
#include "emulated_gpu/failure.h"
#include "emulated_gpu/immortal.h"
#include "emulated_gpu/streams.h"

namespace dfm::emulated {
namespace {

constexpr std::size_t kArenaBytes = std::size_t{1} << 36U, kAlignment = 512, kMargin = 512;
constexpr int kNotWritten = 0xFF;

// Two views of one stretch of memory.
struct Arena {
  std::byte* device;
  std::byte* host;

  Arena() {
    const int file = ::memfd_create("emulated_gpu", MFD_CLOEXEC);
    ensure(file >= 0 && ::ftruncate(file, static_cast<off_t>(kArenaBytes)) == 0,
           "memory for the emulated GPU");
    device = map(file, PROT_NONE);
    host = map(file, PROT_READ | PROT_WRITE);
    ::close(file);
  }

  static std::byte* map(int file, int protection) {
    void* const begin = ::mmap(nullptr, kArenaBytes, protection, MAP_SHARED | MAP_NORESERVE, file, 0);
    ensure(begin != MAP_FAILED, "address space for the emulated GPU");
    return static_cast<std::byte*>(begin);
  }
};

const Arena& arena() {
  static const Arena of_process;
  return of_process;
}

bool is_in(const std::byte* begin, const void* address) {
  const auto* const byte = static_cast<const std::byte*>(address);
  return byte >= begin && byte < begin + kArenaBytes;
}

// In memory, with a margin behind it that nobody may write to.
struct Block {
  std::byte* begin;
  std::size_t bytes;

  std::size_t whole() const {
    std::size_t step = kAlignment;
    while (step * 8 < bytes) step *= 2;
    return (bytes + kMargin + step - 1) / step * step;
  }
  void forget() const { std::memset(host_view(begin), kNotWritten, bytes); }
  void require_margin() const {
    const auto* const end = static_cast<const unsigned char*>(host_view(begin));
    if (!std::all_of(end + bytes, end + whole(), [](unsigned char byte) { return byte == kNotWritten; }))
      fail(fmt::format("something was written behind the end of {} bytes", bytes));
  }
};

// What was given back is kept for others of its size.
class Blocks {
 public:
  Block take(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    allocated_ += bytes;
    most_ = std::max(most_, allocated_);
    Block block{nullptr, bytes};
    auto& kept = kept_[block.whole()];
    if (!kept.empty()) {
      block.begin = kept.back();
      kept.pop_back();
      return block;
    }
    block.begin = arena().device + end_;
    end_ += block.whole();
    TORCH_CHECK(end_ <= kArenaBytes, "the emulated GPU has no memory left");
    std::memset(host_view(block.begin), kNotWritten, block.whole());
    return block;
  }

  void give_back(const Block& block) {
    const std::lock_guard lock(mutex_);
    block.require_margin();
    block.forget();
    allocated_ -= block.bytes;
    kept_[block.whole()].push_back(block.begin);
  }

  std::size_t most() const { return most_; }

 private:
  std::mutex mutex_;
  std::map<std::size_t, std::vector<std::byte*>> kept_;
  std::size_t end_ = 0, allocated_ = 0, most_ = 0;
};

Blocks& blocks() {
  static Immortal<Blocks> of_process;
  return of_process.value;
}

void release(void* context) {
  const auto* const block = static_cast<Block*>(context);
  blocks().give_back(*block);
  delete block;
}

struct DeviceAllocator : c10::Allocator {
  c10::DataPtr allocate(std::size_t bytes) override {
    const c10::Device device(c10::kCUDA, current_device());
    if (bytes == 0) return {nullptr, device};
    auto* const block = new Block(blocks().take(bytes));
    return {block->begin, block, release, device};
  }
  c10::DeleterFnPtr raw_deleter() const override { return nullptr; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    std::memcpy(host_view(to), host_view(from), bytes);
  }
};

std::mutex pinned_mutex;

// By their beginnings; guarded by pinned_mutex.
std::map<const std::byte*, std::size_t>& pinned_blocks() {
  static Immortal<std::map<const std::byte*, std::size_t>> of_process;
  return of_process.value;
}

void release_pinned(void* begin) {
  const std::lock_guard lock(pinned_mutex);
  pinned_blocks().erase(static_cast<std::byte*>(begin));
  std::free(begin);
}

struct PinnedAllocator : c10::Allocator {
  c10::DataPtr allocate(std::size_t bytes) override {
    void* const begin = std::aligned_alloc(kAlignment, (bytes / kAlignment + 1) * kAlignment);
    const std::lock_guard lock(pinned_mutex);
    pinned_blocks()[static_cast<std::byte*>(begin)] = bytes;
    return {begin, begin, release_pinned, c10::Device(c10::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return release_pinned; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    std::memcpy(to, from, bytes);
  }
};

std::mutex access_mutex;
int accesses = 0;

void protect(int protection) {
  ensure(::mprotect(arena().device, kArenaBytes, protection) == 0, "protection of the emulated GPU's memory");
}

}  // namespace

c10::Allocator& device_allocator() {
  static DeviceAllocator of_process;
  return of_process;
}

c10::Allocator& pinned_allocator() {
  static PinnedAllocator of_process;
  return of_process;
}

bool is_of_device(const void* address) { return is_in(arena().device, address); }
bool is_host_view(const void* address) { return is_in(arena().host, address); }

void* host_view(const void* address) {
  if (address == nullptr) return nullptr;
  ensure(is_of_device(address), "an address of the emulated GPU is in its memory");
  return arena().host + (static_cast<const std::byte*>(address) - arena().device);
}

DeviceAccess::DeviceAccess() {
  const std::lock_guard lock(access_mutex);
  if (accesses++ == 0) protect(PROT_READ | PROT_WRITE);
}

DeviceAccess::~DeviceAccess() {
  const std::lock_guard lock(access_mutex);
  if (--accesses == 0) protect(PROT_NONE);
}

std::int64_t most_bytes_allocated() { return static_cast<std::int64_t>(blocks().most()); }

bool is_pinned(const void* address) {
  const std::lock_guard lock(pinned_mutex);
  const auto* const byte = static_cast<const std::byte*>(address);
  const auto next = pinned_blocks().upper_bound(byte);
  if (next == pinned_blocks().begin()) return false;
  const auto& [begin, bytes] = *std::prev(next);
  return byte < begin + bytes;
}

}  // namespace dfm::emulated
