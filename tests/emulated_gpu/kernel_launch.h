// Kernels of src/cuda on the host: their launches (k<<<grid, block, bytes, stream>>>(...)) are rewritten to
// calls of launch(), which runs a block's threads one after the other, each until it ends or waits for
// others. What is wrong in any case is told, and ends the process: a grid or a block that a GPU does not
// take, too much shared memory, a barrier that not all threads reach, a write behind the end of a tensor.
#pragma once

#include <functional>

#include <cuda_runtime_api.h>

namespace dfm::emulated {

struct LaunchShape {
  dim3 grid, block;
  std::size_t shared_bytes = 0;
};

// Calls `thread` for every thread of the grid.
void run_grid(const char* kernel, const LaunchShape& shape, const std::function<void()>& thread);

template <class Kernel>
auto launch(const char* name, Kernel kernel, dim3 grid, dim3 block, std::size_t shared_bytes = 0,
            cudaStream_t /*stream*/ = nullptr) {
  return [=](const auto&... arguments) {
    run_grid(name, {grid, block, shared_bytes}, [&] { kernel(arguments...); });
  };
}

template <class T>
T* shared_memory() {
  return static_cast<T*>(dynamic_shared_memory());
}

}  // namespace dfm::emulated
