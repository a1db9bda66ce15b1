#include "ckpt/export/plan.h"

namespace dfm::ckpt {

std::uint64_t Plan::size_bytes() const {
  std::uint64_t bytes = 0;
  for (const PlannedFile& file : files) bytes += file.size_bytes;
  return bytes;
}

std::uint64_t ExportItem::size_bytes() const {
  return static_cast<std::uint64_t>(element_count(tensor->shape)) * size_of(dtype);
}

}  // namespace dfm::ckpt
