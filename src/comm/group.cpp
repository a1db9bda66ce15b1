#include "comm/group.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>
#include <set>

#include "comm/group_support.h"
#include "comm/mpi.h"
#include "core/activity.h"
#include "core/error.h"

namespace dfm::comm {
namespace {

// MPI counts are ints: longer messages go in pieces of this many elements.
constexpr std::size_t kMostElements = std::size_t{1} << 28U;

template <class T>
MPI_Datatype type_of();
template <>
MPI_Datatype type_of<float>() {
  return MPI_FLOAT;
}
template <>
MPI_Datatype type_of<double>() {
  return MPI_DOUBLE;
}
template <>
MPI_Datatype type_of<std::int64_t>() {
  return MPI_INT64_T;
}
template <>
MPI_Datatype type_of<std::int32_t>() {
  return MPI_INT32_T;
}

template <class T>
void all_reduce(std::span<T> values, MPI_Op operation, MPI_Comm communicator) {
  while (!values.empty()) {
    const auto piece = values.first(std::min(values.size(), kMostElements));
    check(MPI_Allreduce(MPI_IN_PLACE, piece.data(), static_cast<int>(piece.size()), type_of<T>(), operation,
                        communicator),
          "MPI_Allreduce");
    values = values.subspan(piece.size());
  }
}

// Collective. With DFM_PLAYED_NODE=NUMBER in the environment of every rank, those with the same number are
// taken to share a node: several nodes can be tried out on one machine.
std::optional<int> played_node(const Group& group) {
  const char* const text = std::getenv("DFM_PLAYED_NODE");
  std::int32_t lacks = text == nullptr ? 1 : 0;
  group.all_reduce_max(std::span(&lacks, 1));
  if (lacks != 0 || text == nullptr) return std::nullopt;
  return static_cast<int>(std::strtol(text, nullptr, 10));
}

}  // namespace

std::vector<int> to_int_counts(std::span<const std::int64_t> counts, int size) {
  ensure(counts.size() == static_cast<std::size_t>(size), "a collective needs one count a rank");
  ensure(std::reduce(counts.begin(), counts.end()) <= std::numeric_limits<int>::max(),
         "a collective with parts moves at most 2^31 - 1 elements");
  return {counts.begin(), counts.end()};
}

std::vector<int> begins_of(const std::vector<int>& parts) {
  std::vector<int> begins(parts.size());
  std::exclusive_scan(parts.begin(), parts.end(), begins.begin(), 0);
  return begins;
}

const char* immortal(const std::string& role) {
  static std::set<std::string> roles;
  return roles.insert(role).first->c_str();
}

void Group::FreeCommunicator::operator()(MPI_Comm* communicator) const {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (finalized == 0 && *communicator != MPI_COMM_WORLD) MPI_Comm_free(communicator);
  delete communicator;
}

Group::Group(MPI_Comm communicator, std::string role)
    : communicator_(std::make_unique<MPI_Comm>(communicator).release()), role_(std::move(role)) {
  check(MPI_Comm_rank(communicator, &rank_), "MPI_Comm_rank");
  check(MPI_Comm_size(communicator, &size_), "MPI_Comm_size");
}

Group Group::world() { return {MPI_COMM_WORLD, "world"}; }

Group Group::split(int color, std::string role) const {
  MPI_Comm part = MPI_COMM_NULL;
  check(MPI_Comm_split(*communicator_, color, rank_, &part), "MPI_Comm_split");
  Group group(part, std::move(role));
  group.channel_maker_ = channel_maker_;
  return group;
}

Group Group::with_channels(ChannelMaker maker) const {
  Group group = split(0, role_);
  group.channel_maker_ = std::make_shared<const ChannelMaker>(std::move(maker));
  return group;
}

DeviceChannel* Group::channel() const {
  if (!channel_) channel_ = channel_maker_ ? (*channel_maker_)(*this) : nullptr;
  return channel_->get();
}

Group Group::split_by_node() const {
  if (const auto node = played_node(*this)) return split(*node, "node");
  MPI_Comm part = MPI_COMM_NULL;
  check(MPI_Comm_split_type(*communicator_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &part),
        "MPI_Comm_split_type");
  return {part, "node"};
}

template <class T>
void Group::all_reduce_sum(std::span<T> values) const {
  traffic_.all_reduce_bytes += values.size_bytes();
  const activity::WaitScope wait("all_reduce", immortal(role_));
  if (size_ > 1) all_reduce(values, MPI_SUM, *communicator_);
}

template <class T>
void Group::all_reduce_max(std::span<T> values) const {
  traffic_.all_reduce_bytes += values.size_bytes();
  const activity::WaitScope wait("all_reduce", immortal(role_));
  if (size_ > 1) all_reduce(values, MPI_MAX, *communicator_);
}

template <class T>
void Group::all_reduce_min(std::span<T> values) const {
  traffic_.all_reduce_bytes += values.size_bytes();
  const activity::WaitScope wait("all_reduce", immortal(role_));
  if (size_ > 1) all_reduce(values, MPI_MIN, *communicator_);
}

template void Group::all_reduce_sum(std::span<float>) const;
template void Group::all_reduce_sum(std::span<double>) const;
template void Group::all_reduce_sum(std::span<std::int64_t>) const;
template void Group::all_reduce_sum(std::span<std::int32_t>) const;
template void Group::all_reduce_max(std::span<double>) const;
template void Group::all_reduce_max(std::span<std::int64_t>) const;
template void Group::all_reduce_max(std::span<std::int32_t>) const;
template void Group::all_reduce_min(std::span<double>) const;
template void Group::all_reduce_min(std::span<std::int64_t>) const;
template void Group::all_reduce_min(std::span<std::int32_t>) const;

void Group::reduce_scatter_sum(std::span<const float> values, std::span<const std::int64_t> counts,
                               std::span<float> out) const {
  const std::vector<int> parts = to_int_counts(counts, size_);
  traffic_.reduce_scatter_bytes += values.size_bytes();
  const activity::WaitScope wait("reduce_scatter", immortal(role_));
  check(MPI_Reduce_scatter(values.data(), out.data(), parts.data(), MPI_FLOAT, MPI_SUM, *communicator_),
        "MPI_Reduce_scatter");
}

void Group::all_gather_parts(std::span<std::byte> all, std::span<const std::int64_t> byte_counts) const {
  const std::vector<int> parts = to_int_counts(byte_counts, size_);
  traffic_.all_gather_bytes += all.size();
  if (size_ == 1) return;
  const std::vector<int> begins = begins_of(parts);
  const activity::WaitScope wait("all_gather", immortal(role_));
  check(MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, all.data(), parts.data(), begins.data(), MPI_BYTE,
                       *communicator_),
        "MPI_Allgatherv");
}

std::vector<std::string> Group::all_gather_text(const std::string& mine) const {
  std::vector<std::int64_t> lengths(static_cast<std::size_t>(size_));
  lengths[rank_] = static_cast<std::int64_t>(mine.size());
  all_reduce_sum(std::span(lengths));
  std::string all(static_cast<std::size_t>(std::reduce(lengths.begin(), lengths.end())), '\0');
  const auto my_begin = std::reduce(lengths.begin(), lengths.begin() + rank_);
  std::memcpy(all.data() + my_begin, mine.data(), mine.size());
  all_gather_parts(std::as_writable_bytes(std::span(all)), lengths);
  std::vector<std::string> texts;
  std::size_t begin = 0;
  for (const std::int64_t length : lengths) {
    texts.push_back(all.substr(begin, static_cast<std::size_t>(length)));
    begin += static_cast<std::size_t>(length);
  }
  return texts;
}

std::string Group::broadcast_text(const std::string& text, int root) const {
  std::int64_t length = static_cast<std::int64_t>(text.size());
  broadcast(std::as_writable_bytes(std::span(&length, 1)), root);
  std::string received = text;
  received.resize(static_cast<std::size_t>(length));
  broadcast(std::as_writable_bytes(std::span(received)), root);
  return received;
}

void Group::broadcast(std::span<std::byte> bytes, int root) const {
  traffic_.broadcast_bytes += bytes.size();
  const activity::WaitScope wait("broadcast", immortal(role_));
  while (size_ > 1 && !bytes.empty()) {
    const auto piece = bytes.first(std::min(bytes.size(), kMostElements));
    check(MPI_Bcast(piece.data(), static_cast<int>(piece.size()), MPI_BYTE, root, *communicator_),
          "MPI_Bcast");
    bytes = bytes.subspan(piece.size());
  }
}

void Group::barrier() const {
  const activity::WaitScope wait("barrier", immortal(role_));
  check(MPI_Barrier(*communicator_), "MPI_Barrier");
}

}  // namespace dfm::comm
