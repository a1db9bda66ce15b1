#include "emulated_gpu/counts.h"

#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace dfm::emulated {
namespace {

class Counts {
 public:
  void add_operator(const std::string& name) {
    const std::lock_guard lock(mutex_);
    ++operators_[name];
  }
  void add_wait(const std::string& cause) {
    const std::lock_guard lock(mutex_);
    ++waits_[cause];
  }

  Counts() = default;
  Counts(const Counts&) = delete;
  Counts& operator=(const Counts&) = delete;
  ~Counts() {
    if (const char* const folder = std::getenv("DFM_EMULATED_GPU_COUNTS"))
      std::ofstream(fmt::format("{}/{}.json", folder, ::getpid()))
          << nlohmann::json{{"operators", operators_}, {"waits", waits_}};
  }

 private:
  std::mutex mutex_;
  std::map<std::string, int> operators_, waits_;
};

Counts& counts() {
  static Counts of_process;
  return of_process;
}

}  // namespace

void count_operator(const std::string& name) { counts().add_operator(name); }
void count_wait(const std::string& cause) { counts().add_wait(cause); }

}  // namespace dfm::emulated
