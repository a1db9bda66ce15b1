#include "nn/memory_count.h"

#include <algorithm>
#include <atomic>

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

namespace dfm::nn {
namespace {

// LibTorch's allocator tells it of every buffer, also of those that were there before: frees of these make
// the count negative, which is right.
struct Counter : c10::MemoryReportingInfoBase {
  void reportMemoryUsage(void* /*memory*/, std::int64_t change, std::size_t /*allocated*/,
                         std::size_t /*reserved*/, c10::Device /*device*/) override {
    const std::int64_t now = current.fetch_add(change) + change;
    std::int64_t before = peak.load();
    while (before < now && !peak.compare_exchange_weak(before, now)) {
    }
  }
  bool memoryProfilingEnabled() const override { return true; }

  std::atomic<std::int64_t> current{0}, peak{0};
};

}  // namespace

struct MemoryCount::State {
  std::shared_ptr<Counter> counter = std::make_shared<Counter>();
  c10::DebugInfoGuard guard{c10::DebugInfoKind::PROFILER_STATE, counter};
};

MemoryCount::MemoryCount() : state_(std::make_unique<State>()) {}
MemoryCount::~MemoryCount() = default;

std::int64_t MemoryCount::current() const { return state_->counter->current; }
std::int64_t MemoryCount::peak() const { return state_->counter->peak; }

}  // namespace dfm::nn
