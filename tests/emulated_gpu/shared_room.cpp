#include "emulated_gpu/shared_room.h"

#include <algorithm>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/error.h"
#include "emulated_gpu/failure.h"

namespace dfm::emulated {
namespace {

constexpr std::size_t kHeadBytes = 4096, kRoomBytes = std::size_t{1} << 32U;

std::size_t all_bytes(int ranks) { return kHeadBytes + static_cast<std::size_t>(ranks) * kRoomBytes; }

}  // namespace

SharedRoom::SharedRoom(const std::string& name, int rank, int ranks) : rank_(rank), ranks_(ranks) {
  const int file = ::shm_open(name.c_str(), O_CREAT | O_RDWR, 0600);
  ensure(file >= 0 && ::ftruncate(file, static_cast<off_t>(all_bytes(ranks))) == 0,
         "shared memory of a channel");
  void* const begin =
      ::mmap(nullptr, all_bytes(ranks), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0);
  ::close(file);
  ensure(begin != MAP_FAILED, "address space of a channel");
  memory_ = static_cast<std::byte*>(begin);
  wait_for_all();
  if (rank == 0) ::shm_unlink(name.c_str());
}

SharedRoom::~SharedRoom() { ::munmap(memory_, all_bytes(ranks_)); }

SharedRoom::Barrier& SharedRoom::barrier() const { return *reinterpret_cast<Barrier*>(memory_); }
SharedRoom::Place& SharedRoom::place(int rank) const {
  return reinterpret_cast<Place*>(memory_ + sizeof(Barrier))[rank];
}
std::byte* SharedRoom::room(int rank) const {
  return memory_ + kHeadBytes + static_cast<std::size_t>(rank) * kRoomBytes;
}

void SharedRoom::wait_for_all() {
  const std::uint32_t round = barrier().round;
  if (++barrier().arrived == static_cast<std::uint32_t>(ranks_)) {
    barrier().arrived = 0;
    ++barrier().round;
  }
  while (barrier().round == round) ::sched_yield();
}

void SharedRoom::give(const std::string& call, std::span<const std::byte> bytes) {
  Place& mine = place(rank_);
  ensure(bytes.size() <= kRoomBytes && call.size() < mine.call.size(),
         "the emulated channel has room for a call");
  std::strncpy(mine.call.data(), call.c_str(), mine.call.size() - 1);
  mine.bytes = bytes.size();
  std::ranges::copy(bytes, room(rank_));
  wait_for_all();
  for (int rank = 0; rank < ranks_; ++rank) {
    if (call == place(rank).call.data()) continue;
    fail(
        fmt::format("NCCL: rank {} asks for {}, rank {} for {}", rank_, call, rank, place(rank).call.data()));
  }
}

void SharedRoom::take(int from, std::size_t begin, std::span<std::byte> to) const {
  ensure(begin + to.size() <= place(from).bytes, "a rank takes no more than another has given");
  std::copy_n(room(from) + begin, to.size(), to.data());
}

std::size_t SharedRoom::given_bytes(int from) const { return place(from).bytes; }

void SharedRoom::done() { wait_for_all(); }

}  // namespace dfm::emulated
