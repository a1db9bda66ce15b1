// A communication that was begun and is not over: work goes on beside it until its result is needed.
//
//   Transfer transfer = group.start_exchange(block, next, incoming, previous);
//   ... compute with block ...
//   transfer.wait();      // incoming is there, block may change
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <mpi.h>

namespace dfm::comm {

class Transfer {
 public:
  Transfer() = default;
  Transfer(Transfer&& other) noexcept
      : requests_(std::exchange(other.requests_, {})),
        kept_(std::exchange(other.kept_, {})),
        what_(other.what_),
        role_(other.role_) {}
  Transfer& operator=(Transfer&& other) noexcept;
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  // Waits: MPI still uses the buffers.
  ~Transfer();

  // Returns when it is over.
  void wait();
  bool is_over() const { return requests_.empty(); }
  // Whether it is over by now; looks without waiting.
  bool is_finished();

 private:
  friend class Group;
  Transfer(const char* what, const char* role) : what_(what), role_(role) {}
  // A request that the transfer ends with.
  MPI_Request* add();
  // Counts that MPI reads until the end.
  const int* keep(std::vector<int> counts);

  std::vector<MPI_Request> requests_;
  std::vector<std::vector<int>> kept_;
  const char* what_ = "";
  const char* role_ = "";
};

}  // namespace dfm::comm
