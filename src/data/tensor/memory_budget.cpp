#include "data/tensor/memory_budget.h"

#include <limits>

#include <fmt/core.h>

#include "core/error.h"
#include "core/units.h"

namespace dfm::data {
namespace {

constexpr std::uint64_t kFactor = 8;
constexpr std::uint64_t kBaseBytes = 1U << 20U;

}  // namespace

MemoryBudget::MemoryBudget(std::uint64_t file_bytes)
    : file_bytes_(file_bytes),
      left_bytes_(file_bytes > (std::numeric_limits<std::uint64_t>::max() - kBaseBytes) / kFactor
                      ? std::numeric_limits<std::uint64_t>::max()
                      : file_bytes * kFactor + kBaseBytes) {}

void MemoryBudget::charge(std::uint64_t bytes) {
  if (bytes > left_bytes_) {
    throw data_error(fmt::format("{} of file expand to far more in memory (another {})",
                                 format_bytes(file_bytes_), format_bytes(bytes)),
                     "save a copy of the tensor (tensor.clone()) instead of an expanded view");
  }
  left_bytes_ -= bytes;
}

}  // namespace dfm::data
