#include "comm/shared_counters.h"

#include <algorithm>

#include "comm/group_support.h"
#include "comm/mpi.h"
#include "core/activity.h"

namespace dfm::comm {

SharedCounters::SharedCounters(const Group& group, std::size_t count) : role_(immortal(group.role())) {
  const auto bytes = static_cast<MPI_Aint>(group.rank() == 0 ? count * sizeof(std::int64_t) : 0);
  check(
      MPI_Win_allocate(bytes, sizeof(std::int64_t), MPI_INFO_NULL, *group.communicator_, &values_, &window_),
      "MPI_Win_allocate");
  if (group.rank() == 0) std::fill_n(values_, count, 0);
  group.barrier();  // nobody adds before they are 0
  check(MPI_Win_lock_all(0, window_), "MPI_Win_lock_all");
}

SharedCounters::~SharedCounters() {
  const activity::WaitScope wait("end of shared counters", role_);
  MPI_Win_unlock_all(window_);
  MPI_Win_free(&window_);
}

std::int64_t SharedCounters::add(std::size_t counter, std::int64_t amount) {
  const activity::WaitScope wait("fetch_and_op", role_);
  std::int64_t before = 0;
  check(MPI_Fetch_and_op(&amount, &before, MPI_INT64_T, 0, static_cast<MPI_Aint>(counter), MPI_SUM, window_),
        "MPI_Fetch_and_op");
  check(MPI_Win_flush(0, window_), "MPI_Win_flush");
  return before;
}

}  // namespace dfm::comm
