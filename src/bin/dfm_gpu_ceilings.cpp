// dfm_gpu_ceilings: what a device can do at most, as KEY=NUMBER lines, for the table of dfm-gpu-check:
// bfloat16 matrix products on random data (zeros would need less power, and run faster), and copies within
// its memory.
#include <chrono>
#include <cstdio>
#include <exception>

#include "nn/device.h"

namespace {

using namespace dfm;

// Of one call, when the device does nothing else; the first calls choose kernels and warm up.
template <class Call>
double seconds_of(const at::Device& device, int calls, const Call& call) {
  for (int i = 0; i < 3; ++i) call();
  nn::wait_for(device);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < calls; ++i) call();
  nn::wait_for(device);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / calls;
}

double matmul_flops(const at::Device& device) {
  const std::int64_t edge = device.is_cpu() ? 512 : 8192;
  const auto options = at::TensorOptions(device).dtype(at::kBFloat16);
  const at::Tensor left = at::randn({edge, edge}, options), right = at::randn({edge, edge}, options);
  at::Tensor out = at::empty({edge, edge}, options);
  const double cubed = static_cast<double>(edge) * static_cast<double>(edge) * static_cast<double>(edge);
  return 2 * cubed / seconds_of(device, device.is_cpu() ? 3 : 100, [&] { at::matmul_out(out, left, right); });
}

// Read and written.
double copied_bytes(const at::Device& device) {
  const std::int64_t bytes = device.is_cpu() ? 1 << 26 : std::int64_t{1} << 32;
  const at::Tensor from = at::zeros({bytes}, at::TensorOptions(device).dtype(at::kChar));
  at::Tensor to = at::zeros_like(from);
  return 2.0 * static_cast<double>(bytes) / seconds_of(device, 10, [&] { to.copy_(from); });
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const at::Device device = nn::open_device(argc > 1 ? argv[1] : "auto", 0);
    std::printf("matmul_tflops=%.1f\n", matmul_flops(device) / 1e12);
    std::printf("copy_gbytes=%.1f\n", copied_bytes(device) / 1e9);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
