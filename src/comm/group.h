// A group of ranks with a role (world, dp, tp, node, ...) and the collectives that dfm uses on it.
//
// All work on host memory over MPI and must be called by every rank of the group. Each group counts the bytes
// it was asked to move, so that a test can compare the traffic of a step with the analytic minimum. Values in
// the memory of devices are moved by the group's channel, where it has one.
//
//   group.all_reduce_sum(std::span(losses));
//   group.reduce_scatter_sum(gradients, counts, my_part);
//   Transfer transfer = group.start_exchange(block, next, incoming, previous);
//   ... compute ...
//   transfer.wait();
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <mpi.h>

#include "comm/device_channel.h"
#include "comm/transfer.h"

namespace dfm::comm {

// Payload bytes that this rank handed to each kind of collective; of all_to_all and sent those that leave it.
struct Traffic {
  std::uint64_t all_reduce_bytes = 0;
  std::uint64_t reduce_scatter_bytes = 0;
  std::uint64_t all_gather_bytes = 0;
  std::uint64_t broadcast_bytes = 0;
  std::uint64_t all_to_all_bytes = 0;
  std::uint64_t sent_bytes = 0;
};

class Group {
 public:
  static Group world();

  // Collective. The ranks that give the same colour form a group, ordered by their rank here.
  Group split(int color, std::string role) const;
  // Collective. The ranks that share a node.
  Group split_by_node() const;
  // Collective. The same ranks; this group and those split from it get their channels from the maker.
  Group with_channels(ChannelMaker maker) const;

  int rank() const { return rank_; }
  int size() const { return size_; }
  const std::string& role() const { return role_; }
  const Traffic& traffic() const { return traffic_; }
  // For who moves values by the channel.
  Traffic& channel_traffic() const { return traffic_; }

  // Collective when it is called first, which makes it. Null: values of devices go through the host.
  DeviceChannel* channel() const;

  // Collective, in place, element by element. T: float, double, std::int64_t, std::int32_t.
  template <class T>
  void all_reduce_sum(std::span<T> values) const;
  template <class T>
  void all_reduce_max(std::span<T> values) const;
  template <class T>
  void all_reduce_min(std::span<T> values) const;

  // Collective. values: counts[0] + counts[1] + ... elements, the same layout on every rank. Rank r receives
  // the sum of part r in out (counts[r] elements). At most 2^31 - 1 elements in all.
  void reduce_scatter_sum(std::span<const float> values, std::span<const std::int64_t> counts,
                          std::span<float> out) const;

  // Collective, in place. Rank r's part of `all` (byte_counts[r] bytes, parts in rank order) goes to every
  // rank. At most 2^31 - 1 bytes in all.
  void all_gather_parts(std::span<std::byte> all, std::span<const std::int64_t> byte_counts) const;

  // The same, begun: `all` must stay until the transfer is waited for.
  [[nodiscard]] Transfer start_all_gather_parts(std::span<std::byte> all,
                                                std::span<const std::int64_t> byte_counts) const;
  [[nodiscard]] Transfer start_reduce_scatter_sum(std::span<const float> values,
                                                  std::span<const std::int64_t> counts,
                                                  std::span<float> out) const;

  // Collective. Part r of `out` goes to rank r; part r of `in` comes from rank r. At most 2^31 - 1 bytes
  // each.
  void all_to_all(Parts<const std::byte> out, Parts<std::byte> in) const;
  // The same, begun: the bytes must stay until the transfer is waited for.
  [[nodiscard]] Transfer start_all_to_all(Parts<const std::byte> out, Parts<std::byte> in) const;

  // Point to point, in order between two ranks. The bytes must stay until the transfer is waited for.
  [[nodiscard]] Transfer start_send(std::span<const std::byte> bytes, int to) const;
  [[nodiscard]] Transfer start_receive(std::span<std::byte> bytes, int from) const;
  // Both at once.
  [[nodiscard]] Transfer start_exchange(std::span<const std::byte> out, int to, std::span<std::byte> in,
                                        int from) const;

  // Collective. One text from each rank, in rank order, on every rank.
  std::vector<std::string> all_gather_text(const std::string& mine) const;

  // Collective. The root's text on every rank.
  std::string broadcast_text(const std::string& text, int root) const;
  void broadcast(std::span<std::byte> bytes, int root) const;

  // Collective.
  void barrier() const;

 private:
  friend class SharedCounters;
  struct FreeCommunicator {
    void operator()(MPI_Comm* communicator) const;
  };

  Group(MPI_Comm communicator, std::string role);

  std::unique_ptr<MPI_Comm, FreeCommunicator> communicator_;
  int rank_ = 0;
  int size_ = 1;
  std::string role_;
  mutable Traffic traffic_;  // a count of what happened, not a part of what the group is
  std::shared_ptr<const ChannelMaker> channel_maker_;
  mutable std::optional<std::shared_ptr<DeviceChannel>> channel_;  // once it was asked for
};

}  // namespace dfm::comm
