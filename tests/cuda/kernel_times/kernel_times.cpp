// libdfm_kernel_times.so: writes when each kernel and copy of a process began and ended on the GPU, a line
// "BEGIN END NAME" each in nanoseconds, to the file that DFM_KERNEL_TIMES names. The driver loads it into any
// program that is started with CUDA_INJECTION64_PATH=libdfm_kernel_times.so.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include <cupti.h>
#include <cxxabi.h>

namespace {

constexpr std::size_t kBufferBytes = 8 << 20;
constexpr std::size_t kAlignment = 8;
constexpr std::size_t kMostOfName = 120;

std::FILE* output() {
  static std::FILE* const file = std::fopen(std::getenv("DFM_KERNEL_TIMES"), "w");
  return file;
}

std::string readable(const char* name) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(name, nullptr, nullptr, &status),
                                                    std::free);
  return std::string(text ? text.get() : name).substr(0, kMostOfName);
}

// CUPTI's buffers come from threads of its own, and still do while the process leaves: what they use is never
// destroyed.
void write_kernel(const CUpti_ActivityKernel10& kernel) {
  using Names = std::unordered_map<const char*, std::string>;
  static Names& names = *std::make_unique<Names>().release();
  std::string& name = names[kernel.name];
  if (name.empty()) name = readable(kernel.name);
  std::fprintf(output(), "%llu %llu %s\n", static_cast<unsigned long long>(kernel.start),
               static_cast<unsigned long long>(kernel.end), name.c_str());
}

template <class Transfer>
void write_transfer(const CUpti_Activity& record, const char* name) {
  const auto& transfer = reinterpret_cast<const Transfer&>(record);
  std::fprintf(output(), "%llu %llu %s\n", static_cast<unsigned long long>(transfer.start),
               static_cast<unsigned long long>(transfer.end), name);
}

void write(const CUpti_Activity& record) {
  switch (record.kind) {
    case CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL:
      return write_kernel(reinterpret_cast<const CUpti_ActivityKernel10&>(record));
    case CUPTI_ACTIVITY_KIND_MEMCPY:
      return write_transfer<CUpti_ActivityMemcpy6>(record, "(copy)");
    case CUPTI_ACTIVITY_KIND_MEMSET:
      return write_transfer<CUpti_ActivityMemset4>(record, "(fill)");
    default:
      return;
  }
}

void CUPTIAPI give_buffer(std::uint8_t** buffer, std::size_t* size, std::size_t* most_records) {
  *buffer = static_cast<std::uint8_t*>(std::aligned_alloc(kAlignment, kBufferBytes));
  *size = *buffer == nullptr ? 0 : kBufferBytes;
  *most_records = 0;
}

void CUPTIAPI take_buffer(CUcontext, std::uint32_t, std::uint8_t* buffer, std::size_t, std::size_t used) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  CUpti_Activity* record = nullptr;
  while (output() != nullptr && used > 0 &&
         cuptiActivityGetNextRecord(buffer, used, &record) == CUPTI_SUCCESS) {
    write(*record);
  }
  std::free(buffer);
}

void finish() {
  cuptiActivityFlushAll(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED);
  if (output() != nullptr) std::fflush(output());
}

}  // namespace

// Called by the driver.
extern "C" int InitializeInjection() {
  if (std::getenv("DFM_KERNEL_TIMES") == nullptr) return 1;
  cuptiActivityRegisterCallbacks(give_buffer, take_buffer);
  for (const auto kind :
       {CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL, CUPTI_ACTIVITY_KIND_MEMCPY, CUPTI_ACTIVITY_KIND_MEMSET}) {
    if (cuptiActivityEnable(kind) != CUPTI_SUCCESS) std::fprintf(stderr, "CUPTI cannot watch the GPU\n");
  }
  std::atexit(finish);
  return 1;
}
