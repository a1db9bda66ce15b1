#include "train/sole_run.h"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <unistd.h>

#include "comm/agree.h"
#include "comm/mpi.h"
#include "core/activity.h"
#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "core/stop_token.h"

namespace dfm::train {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr auto kBetweenTries = std::chrono::milliseconds(200);
// A process of this node that ends gives its lock back at once; a shared file system may keep that of a node
// that was lost until it has given the node up.
constexpr std::chrono::seconds kPatienceWithin(10), kPatienceBetween(300);

// "node7, process 4711, Slurm job 99"; empty where it cannot be read.
std::string holder_of(const fs::path& lock) {
  try {
    return read_text(lock);
  } catch (const Error&) {
    return "";
  }
}

bool is_of_this_node(const std::string& holder) { return holder.starts_with(comm::host_name() + ","); }

[[noreturn]] void refuse(const fs::path& lock, const std::string& holder) {
  throw storage_error(fmt::format("{} is in use by another run ({})", lock.parent_path().native(), holder),
                      "wait for it or end it, or give another checkpoint.save; if there is no such run, "
                      "remove " +
                          lock.native());
}

}  // namespace

SoleRun::SoleRun(const comm::Group& world, const fs::path& folder) : path_(folder / ".in_use") {
  const activity::PhaseScope phase(activity::Phase::loading);
  const auto start = Clock::now();
  bool has_told = false;
  const auto wait_or_refuse = [&] {
    const std::string holder = holder_of(path_);
    if (Clock::now() - start > (is_of_this_node(holder) ? kPatienceWithin : kPatienceBetween))
      refuse(path_, holder);
    if (!has_told) log::info("waiting for another run in {} to end ({})", folder.native(), holder);
    has_told = true;
    std::this_thread::sleep_for(kBetweenTries);
  };
  std::int32_t is_taken = 0;
  while (is_taken == 0) {
    comm::agreed(world, [&] {
      StopToken::throw_if_requested();
      if (world.rank() != 0) return;
      is_taken = try_to_take() ? 1 : 0;
      if (is_taken == 0) wait_or_refuse();
    });
    world.broadcast(std::as_writable_bytes(std::span(&is_taken, 1)), 0);
  }
}

SoleRun::~SoleRun() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

// False while another process has it.
bool SoleRun::try_to_take() {
  make_folder(path_.parent_path());
  if (descriptor_ >= 0) ::close(descriptor_);  // someone may have removed that file to go on
  descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0) throw system_error("create", path_.native(), errno);
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) {
    note_holder();
  } else if (errno == EWOULDBLOCK) {
    return false;
  } else {
    log::debug("{} cannot be locked: other runs in this folder would not be noticed", path_.native());
  }
  return true;
}

// For the words of whoever waits; a full disk does not matter here.
void SoleRun::note_holder() const {
  const char* const job = std::getenv("SLURM_JOB_ID");
  const std::string holder = fmt::format("{}, process {}{}", comm::host_name(), ::getpid(),
                                         job == nullptr ? "" : fmt::format(", Slurm job {}", job));
  if (::ftruncate(descriptor_, 0) == 0)
    static_cast<void>(::pwrite(descriptor_, holder.data(), holder.size(), 0) == 0);
}

}  // namespace dfm::train
