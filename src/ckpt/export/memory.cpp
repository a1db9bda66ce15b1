#include "ckpt/export/memory.h"

#include <algorithm>
#include <fstream>

#include <fmt/core.h>
#include <unistd.h>

#include "core/error.h"
#include "core/units.h"

namespace dfm::ckpt {
namespace {

constexpr std::uint64_t kMiB = 1U << 20U;
constexpr std::uint64_t kReserveBytes = 8 * kMiB;  // what libraries take while they work
constexpr std::uint64_t kBuffers = 3;              // read, converted, gathered
constexpr std::uint64_t kSmallestSlice = 64U << 10U;
constexpr std::uint64_t kLargestSlice = kMiB;  // larger ones leave the processor's cache, and are no faster

}  // namespace

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t slice_bytes_below(std::uint64_t max_bytes) {
  const std::uint64_t taken = resident_bytes() + kReserveBytes;
  const std::uint64_t least = taken + kBuffers * kSmallestSlice;
  if (max_bytes < least) {
    throw usage_error(fmt::format("consolidate.max_memory = {} is too little", format_bytes(max_bytes)),
                      fmt::format("the program itself and its buffers need {} here", format_bytes(least)));
  }
  return std::min(kLargestSlice, (max_bytes - taken) / kBuffers);
}

}  // namespace dfm::ckpt
