// A channel between the devices of a group over NCCL. Each has a communicator and a stream of its own: what
// it moves goes on beside kernels and beside other groups.
#include "cuda/nccl_channel.h"

#include <algorithm>
#include <vector>

#include <ATen/cuda/CUDAContext.h>
#include <ATen/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAGuard.h>
#include <fmt/format.h>
#include <nccl.h>

#include "core/error.h"

namespace dfm::cuda {
namespace {

void check(ncclResult_t result, const char* what) {
  if (result == ncclSuccess) return;
  throw internal_error(
      fmt::format("{}: {} ({})", what, ncclGetErrorString(result), ncclGetLastError(nullptr)));
}

struct AbortCommunicator {
  // A group may be left while another rank is gone: nothing here may wait for it.
  void operator()(ncclComm_t communicator) const { ncclCommAbort(communicator); }
};
using Communicator = std::unique_ptr<std::remove_pointer_t<ncclComm_t>, AbortCommunicator>;

Communicator join(const std::string& id, int rank, int ranks) {
  ncclUniqueId unique{};
  ensure(id.size() == sizeof(unique), "an NCCL id has the length of ncclUniqueId");
  std::ranges::copy(id, reinterpret_cast<char*>(&unique));
  ncclComm_t communicator = nullptr;
  check(ncclCommInitRank(&communicator, ranks, unique, rank), "ncclCommInitRank");
  return Communicator(communicator);
}

bool are_equal(std::span<const std::int64_t> counts) {
  return std::ranges::all_of(counts, [&](std::int64_t count) { return count == counts.front(); });
}

class NcclChannel : public comm::DeviceChannel {
 public:
  NcclChannel(const std::string& id, int rank, int ranks)
      : communicator_(join(id, rank, ranks)),
        rank_(static_cast<std::size_t>(rank)),
        stream_(at::cuda::getStreamFromPool()) {}

  Arrival all_reduce_sum(std::span<float> values) override {
    return beside([&] {
      check(ncclAllReduce(values.data(), values.data(), values.size(), ncclFloat, ncclSum, comm(), stream_),
            "ncclAllReduce");
    });
  }

  Arrival reduce_scatter_sum(std::span<const float> values, std::span<const std::int64_t> counts,
                             std::span<float> out) override {
    return beside([&] {
      if (are_equal(counts)) {
        check(ncclReduceScatter(values.data(), out.data(), out.size(), ncclFloat, ncclSum, comm(), stream_),
              "ncclReduceScatter");
      } else {
        reduce_parts(values, counts, out);
      }
    });
  }

  Arrival all_gather_parts(comm::Parts<std::byte> all) override {
    return beside([&] {
      if (are_equal(all.counts)) {
        const std::size_t bytes = static_cast<std::size_t>(all.counts[rank_]);
        check(ncclAllGather(all.bytes.data() + rank_ * bytes, all.bytes.data(), bytes, ncclInt8, comm(),
                            stream_),
              "ncclAllGather");
      } else {
        broadcast_parts(all);
      }
    });
  }

  Arrival all_to_all(comm::Parts<const std::byte> out, comm::Parts<std::byte> in) override {
    return beside([&] {
      check(ncclGroupStart(), "ncclGroupStart");
      std::size_t from = 0, to = 0;
      for (std::size_t rank = 0; rank < out.counts.size(); ++rank) {
        const auto sent = static_cast<std::size_t>(out.counts[rank]),
                   received = static_cast<std::size_t>(in.counts[rank]);
        queue_send(out.bytes.subspan(from, sent), static_cast<int>(rank));
        queue_receive(in.bytes.subspan(to, received), static_cast<int>(rank));
        from += sent;
        to += received;
      }
      check(ncclGroupEnd(), "ncclGroupEnd");
    });
  }

  Arrival exchange(std::span<const std::byte> out, int to, std::span<std::byte> in, int from) override {
    return beside([&] {
      check(ncclGroupStart(), "ncclGroupStart");
      queue_send(out, to);
      queue_receive(in, from);
      check(ncclGroupEnd(), "ncclGroupEnd");
    });
  }

  Arrival send(std::span<const std::byte> bytes, int to) override {
    return beside([&] { queue_send(bytes, to); });
  }

  Arrival receive(std::span<std::byte> bytes, int from) override {
    return beside([&] { queue_receive(bytes, from); });
  }

 private:
  ncclComm_t comm() const { return communicator_.get(); }

  // Queues the work behind what the current stream has so far, on the stream of this channel.
  template <class Work>
  Arrival beside(const Work& work) {
    const c10::cuda::CUDAGuard on_device(stream_.device());
    at::cuda::CUDAEvent ready;
    ready.record(at::cuda::getCurrentCUDAStream());
    ready.block(stream_);
    work();
    const auto done = std::make_shared<at::cuda::CUDAEvent>();
    done->record(stream_);
    return {[done] { done->block(at::cuda::getCurrentCUDAStream()); }, [done] { return done->query(); }};
  }

  void queue_send(std::span<const std::byte> bytes, int to) const {
    if (!bytes.empty())
      check(ncclSend(bytes.data(), bytes.size(), ncclInt8, to, comm(), stream_), "ncclSend");
  }
  void queue_receive(std::span<std::byte> bytes, int from) const {
    if (!bytes.empty())
      check(ncclRecv(bytes.data(), bytes.size(), ncclInt8, from, comm(), stream_), "ncclRecv");
  }

  void reduce_parts(std::span<const float> values, std::span<const std::int64_t> counts,
                    std::span<float> out) const {
    check(ncclGroupStart(), "ncclGroupStart");
    std::size_t begin = 0;
    for (std::size_t rank = 0; rank < counts.size(); ++rank) {
      const auto count = static_cast<std::size_t>(counts[rank]);
      if (count > 0) {
        check(ncclReduce(values.data() + begin, rank == rank_ ? out.data() : nullptr, count, ncclFloat,
                         ncclSum, static_cast<int>(rank), comm(), stream_),
              "ncclReduce");
      }
      begin += count;
    }
    check(ncclGroupEnd(), "ncclGroupEnd");
  }

  void broadcast_parts(const comm::Parts<std::byte>& all) const {
    check(ncclGroupStart(), "ncclGroupStart");
    std::byte* part = all.bytes.data();
    for (std::size_t rank = 0; rank < all.counts.size(); ++rank) {
      const auto bytes = static_cast<std::size_t>(all.counts[rank]);
      if (bytes > 0) {
        check(ncclBroadcast(part, part, bytes, ncclInt8, static_cast<int>(rank), comm(), stream_),
              "ncclBroadcast");
      }
      part += bytes;
    }
    check(ncclGroupEnd(), "ncclGroupEnd");
  }

  Communicator communicator_;
  std::size_t rank_;
  at::cuda::CUDAStream stream_;
};

}  // namespace

std::string channel_id() {
  ncclUniqueId id{};
  check(ncclGetUniqueId(&id), "ncclGetUniqueId");
  return {reinterpret_cast<const char*>(&id), sizeof(id)};
}

std::shared_ptr<comm::DeviceChannel> join_channel(const std::string& id, int rank, int ranks) {
  return std::make_shared<NcclChannel>(id, rank, ranks);
}

}  // namespace dfm::cuda
