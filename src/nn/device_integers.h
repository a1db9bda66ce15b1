// Small tables of integers that kernels read on a device: offsets of samples, mostly. A table with the same
// content is brought there once: a step asks for the same few again and again, and nobody waits for a copy.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "nn/torch_header.h"

namespace dfm::nn {

// [n] int32. Of the calling thread; old tables are forgotten.
inline at::Tensor integers_on(const at::Device& device, const std::vector<std::int32_t>& values) {
  static constexpr std::size_t kMostTables = 256;
  thread_local std::map<std::vector<std::int32_t>, at::Tensor> tables;
  const auto found = tables.find(values);
  if (found != tables.end() && found->second.device() == device) return found->second;
  if (tables.size() >= kMostTables) tables.clear();
  at::Tensor table = at::tensor(values, at::kInt);
  if (!device.is_cpu()) table = table.pin_memory().to(device, /*non_blocking=*/true);
  tables.insert_or_assign(values, table);
  return table;
}

}  // namespace dfm::nn
