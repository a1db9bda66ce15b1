#include "comm/transfer.h"

#include "comm/mpi.h"
#include "core/activity.h"

namespace dfm::comm {

Transfer& Transfer::operator=(Transfer&& other) noexcept {
  std::swap(requests_, other.requests_);
  std::swap(kept_, other.kept_);
  std::swap(what_, other.what_);
  std::swap(role_, other.role_);
  return *this;
}

Transfer::~Transfer() {
  if (!requests_.empty()) {
    MPI_Waitall(static_cast<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE);
  }
}

void Transfer::wait() {
  if (requests_.empty()) return;
  const activity::WaitScope wait(what_, role_);
  check(MPI_Waitall(static_cast<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE),
        "MPI_Waitall");
  requests_.clear();
  kept_.clear();
}

bool Transfer::is_finished() {
  if (requests_.empty()) return true;
  int finished = 0;
  check(MPI_Testall(static_cast<int>(requests_.size()), requests_.data(), &finished, MPI_STATUSES_IGNORE),
        "MPI_Testall");
  if (finished == 0) return false;
  requests_.clear();
  kept_.clear();
  return true;
}

MPI_Request* Transfer::add() { return &requests_.emplace_back(MPI_REQUEST_NULL); }

const int* Transfer::keep(std::vector<int> counts) { return kept_.emplace_back(std::move(counts)).data(); }

}  // namespace dfm::comm
