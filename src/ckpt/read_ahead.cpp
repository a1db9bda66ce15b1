#include "ckpt/read_ahead.h"

#include <fstream>
#include <string>

#include "ckpt/checkpoint.h"
#include "ckpt/commit.h"
#include "ckpt/local_nodes.h"
#include "ckpt/pointer.h"
#include "ckpt/run_id.h"
#include "comm/quiet_thread.h"
#include "core/error.h"
#include "core/file.h"

namespace dfm::ckpt {
namespace {

// Linux takes no more of one advice than it reads ahead at once, which is little on many machines.
constexpr std::uint64_t kPartBytes = 128U << 10U;
constexpr std::uint64_t kBetweenLooksAtMemory = 64U << 20U;

// False where the system does not say.
bool has_half_its_memory() {
  std::ifstream lines("/proc/meminfo");
  std::uint64_t total = 0, available = 0;
  std::string unit;
  for (std::string name; lines >> name;) {
    if (name == "MemTotal:") lines >> total;
    if (name == "MemAvailable:") lines >> available;
    std::getline(lines, unit);
  }
  return available > total / 2;
}

}  // namespace

std::filesystem::path newest_own_file(const CheckpointPlaces& places, std::int64_t rank) {
  const std::int64_t announced = read_pointer(places.shared).value_or(-1);
  if (places.local && std::filesystem::exists(places.shared / kRunIdName)) {
    const auto root = *places.local / local_folder_name(run_id(places.shared));
    const auto here = list_checkpoints(root);
    if (!here.empty() && here.front().step > announced) return here.front().folder / rank_file_name(rank);
  }
  return announced < 0 ? std::filesystem::path()
                       : checkpoint_folder(places.shared, announced) / rank_file_name(rank);
}

ReadAhead::ReadAhead(CheckpointPlaces places, std::int64_t rank) : places_(std::move(places)), rank_(rank) {
  thread_ = comm::thread_without_signals([this] { run(); });
}

ReadAhead::~ReadAhead() {
  is_over_ = true;
  thread_.join();
}

void ReadAhead::run() const {
  try {
    const auto path = newest_own_file(places_, rank_);
    if (path.empty()) return;
    const File file = File::open_to_read(path);
    const std::uint64_t size = file.size();
    for (std::uint64_t at = 0; at < size && !is_over_; at += kPartBytes) {
      if (at % kBetweenLooksAtMemory == 0 && !has_half_its_memory()) return;
      file.expect_reads(at, kPartBytes);
    }
  } catch (const std::exception&) {  // no such checkpoint, or none that can be read: loading tells
  }
}

}  // namespace dfm::ckpt
