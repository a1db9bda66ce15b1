#include "nn/device.h"

#include <filesystem>

#include <dlfcn.h>
#include <fmt/format.h>

#include "core/error.h"

namespace dfm::nn {
namespace {

constexpr int kCudaSuccess = 0;

// As the driver says, which is asked through its own library: nothing of CUDA needs to be there.
int visible_gpus() {
  void* const driver = ::dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (driver == nullptr) return 0;
  const auto initialize = reinterpret_cast<int (*)(unsigned)>(::dlsym(driver, "cuInit"));
  const auto count_devices = reinterpret_cast<int (*)(int*)>(::dlsym(driver, "cuDeviceGetCount"));
  int count = 0;
  if (initialize == nullptr || count_devices == nullptr || initialize(0) != kCudaSuccess) return 0;
  return count_devices(&count) == kCudaSuccess ? count : 0;
}

// In lib/dfm beside the folder of the program; site installations call lib differently.
std::filesystem::path library_path() {
  const auto prefix = std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path();
  for (const char* const lib : {"lib", "lib64", "lib/x86_64-linux-gnu"}) {
    const auto path = prefix / lib / "dfm/libdfm_cuda.so";
    if (std::filesystem::exists(path)) return path;
  }
  return prefix / "lib/dfm/libdfm_cuda.so";
}

const DeviceFunctions*& loaded() {
  static const DeviceFunctions* functions = nullptr;
  return functions;
}

const DeviceFunctions& functions() {
  ensure(loaded() != nullptr, "the device is opened before it is used");
  return *loaded();
}

// Empty, or why it cannot be used. The library stays for the life of the process.
std::string load_library() {
  if (loaded() != nullptr) return "";
  const auto path = library_path();
  if (!std::filesystem::exists(path))
    return fmt::format("this dfm was built without CUDA ({} is missing)", path.string());
  void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) return fmt::format("{} cannot be loaded: {}", path.string(), ::dlerror());
  const auto entry =
      reinterpret_cast<decltype(&dfm_device_functions)>(::dlsym(library, "dfm_device_functions"));
  if (entry == nullptr) return fmt::format("{} is of another version of dfm", path.string());
  loaded() = entry();
  return loaded()->count() > 0 ? "" : "LibTorch sees no GPU, though the driver shows one";
}

std::string why_no_gpu() {
  if (visible_gpus() == 0) return "the driver shows none";
  return load_library();
}

}  // namespace

at::Device open_device(const std::string& type, int local_rank) {
  if (type == "cpu") return at::kCPU;
  if (type == "auto" && visible_gpus() == 0) return at::kCPU;
  const std::string problem = why_no_gpu();
  if (!problem.empty()) {
    throw usage_error(fmt::format("no GPU can be used: {}", problem),
                      "type cpu computes without one; else look at nvidia-smi, CUDA_VISIBLE_DEVICES, and the "
                      "installation of dfm and LibTorch");
  }
  const int index = local_rank % functions().count();
  functions().select(index);
  return {at::kCUDA, static_cast<at::DeviceIndex>(index)};
}

std::string describe(const at::Device& device) {
  if (device.is_cpu()) return fmt::format("CPU, {} threads", at::get_num_threads());
  return functions().describe(device.index());
}

std::string identity(const at::Device& device) {
  return device.is_cpu() ? "cpu" : functions().identity(device.index());
}

DeviceMemory device_memory(const at::Device& device) {
  return device.is_cpu() ? DeviceMemory{} : functions().memory();
}

void wait_for(const at::Device& device) {
  if (!device.is_cpu()) functions().wait();
}

std::string channel_id() { return functions().channel_id(); }

std::shared_ptr<comm::DeviceChannel> join_channel(const std::string& id, int rank, int ranks) {
  return functions().join_channel(id, rank, ranks);
}

}  // namespace dfm::nn
