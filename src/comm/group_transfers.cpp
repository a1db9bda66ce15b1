// The collectives that go on beside other work, and those between pairs of ranks.
#include <limits>
#include <numeric>

#include "comm/group.h"
#include "comm/group_support.h"
#include "comm/mpi.h"
#include "core/activity.h"
#include "core/error.h"

namespace dfm::comm {
namespace {

constexpr int kTag = 17;

int to_int_size(std::size_t bytes) {
  ensure(bytes <= static_cast<std::size_t>(std::numeric_limits<int>::max()),
         "a message between two ranks holds at most 2^31 - 1 bytes");
  return static_cast<int>(bytes);
}

// Bytes that leave this rank.
std::uint64_t leaving(std::span<const std::int64_t> counts, int rank) {
  return static_cast<std::uint64_t>(std::reduce(counts.begin(), counts.end()) - counts[rank]);
}

}  // namespace

Transfer Group::start_all_gather_parts(std::span<std::byte> all,
                                       std::span<const std::int64_t> byte_counts) const {
  std::vector<int> parts = to_int_counts(byte_counts, size_);
  traffic_.all_gather_bytes += all.size();
  Transfer transfer("all_gather", immortal(role_));
  if (size_ == 1) return transfer;
  const int* const begins = transfer.keep(begins_of(parts));
  const int* const counts = transfer.keep(std::move(parts));
  check(MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, all.data(), counts, begins, MPI_BYTE,
                        *communicator_, transfer.add()),
        "MPI_Iallgatherv");
  return transfer;
}

Transfer Group::start_reduce_scatter_sum(std::span<const float> values, std::span<const std::int64_t> counts,
                                         std::span<float> out) const {
  traffic_.reduce_scatter_bytes += values.size_bytes();
  Transfer transfer("reduce_scatter", immortal(role_));
  const int* const parts = transfer.keep(to_int_counts(counts, size_));
  check(MPI_Ireduce_scatter(values.data(), out.data(), parts, MPI_FLOAT, MPI_SUM, *communicator_,
                            transfer.add()),
        "MPI_Ireduce_scatter");
  return transfer;
}

void Group::all_to_all(Parts<const std::byte> out, Parts<std::byte> in) const {
  const std::vector<int> sent = to_int_counts(out.counts, size_), received = to_int_counts(in.counts, size_);
  ensure(out.counts[rank_] == in.counts[rank_], "all_to_all: a rank sends itself what it receives");
  traffic_.all_to_all_bytes += leaving(out.counts, rank_);
  const std::vector<int> from = begins_of(sent), to = begins_of(received);
  const activity::WaitScope wait("all_to_all", immortal(role_));
  check(MPI_Alltoallv(out.bytes.data(), sent.data(), from.data(), MPI_BYTE, in.bytes.data(), received.data(),
                      to.data(), MPI_BYTE, *communicator_),
        "MPI_Alltoallv");
}

Transfer Group::start_all_to_all(Parts<const std::byte> out, Parts<std::byte> in) const {
  std::vector<int> sent = to_int_counts(out.counts, size_), received = to_int_counts(in.counts, size_);
  ensure(out.counts[rank_] == in.counts[rank_], "all_to_all: a rank sends itself what it receives");
  traffic_.all_to_all_bytes += leaving(out.counts, rank_);
  Transfer transfer("all_to_all", immortal(role_));
  const int* const from = transfer.keep(begins_of(sent));
  const int* const to = transfer.keep(begins_of(received));
  const int* const out_counts = transfer.keep(std::move(sent));
  const int* const in_counts = transfer.keep(std::move(received));
  check(MPI_Ialltoallv(out.bytes.data(), out_counts, from, MPI_BYTE, in.bytes.data(), in_counts, to, MPI_BYTE,
                       *communicator_, transfer.add()),
        "MPI_Ialltoallv");
  return transfer;
}

Transfer Group::start_send(std::span<const std::byte> bytes, int to) const {
  return start_exchange(bytes, to, {}, MPI_PROC_NULL);
}

Transfer Group::start_receive(std::span<std::byte> bytes, int from) const {
  return start_exchange({}, MPI_PROC_NULL, bytes, from);
}

Transfer Group::start_exchange(std::span<const std::byte> out, int to, std::span<std::byte> in,
                               int from) const {
  if (to != rank_) traffic_.sent_bytes += out.size();
  Transfer transfer("exchange", immortal(role_));
  check(MPI_Irecv(in.data(), to_int_size(in.size()), MPI_BYTE, from, kTag, *communicator_, transfer.add()),
        "MPI_Irecv");
  check(MPI_Isend(out.data(), to_int_size(out.size()), MPI_BYTE, to, kTag, *communicator_, transfer.add()),
        "MPI_Isend");
  return transfer;
}

}  // namespace dfm::comm
