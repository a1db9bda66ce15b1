#include "nn/untouched_memory.h"

#include <new>

#include <sys/mman.h>

namespace dfm::nn {

at::Tensor untouched_zeros(std::int64_t count, at::ScalarType type, const at::Device& device) {
  const std::size_t bytes = static_cast<std::size_t>(count) * c10::elementSize(type);
  if (bytes == 0 || !device.is_cpu())
    return at::zeros({count}, at::TensorOptions().dtype(type).device(device));
  void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  // Large pages are not asked for: they halve a load's work where memory is free, and make it wait twice as
  // long where files fill memory and the system puts it together first.
  return at::from_blob(
      memory, {count}, [bytes](void* begin) { ::munmap(begin, bytes); }, type);
}

}  // namespace dfm::nn
