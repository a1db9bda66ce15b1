#include "emulated_gpu/channel.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <random>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "emulated_gpu/failure.h"
#include "emulated_gpu/mailbox.h"
#include "emulated_gpu/memory.h"
#include "emulated_gpu/shared_room.h"

namespace dfm::emulated {
namespace {

using Counts = std::span<const std::int64_t>;

constexpr int kNotThereYet = 0xFF;

template <class T>
std::span<T> seen(std::span<T> of_device) {
  return {static_cast<T*>(host_view(of_device.data())), of_device.size()};
}

std::size_t sum_before(Counts counts, int rank) {
  return static_cast<std::size_t>(std::reduce(counts.begin(), counts.begin() + rank));
}

std::string text_of(Counts counts) { return fmt::format("{}", fmt::join(counts, " ")); }

class SharedChannel : public comm::DeviceChannel {
 public:
  SharedChannel(const std::string& name, int rank, int ranks)
      : room_(name, rank, ranks), mailbox_(name, rank) {}

  Arrival all_reduce_sum(std::span<float> values) override {
    give(fmt::format("all_reduce_sum of {}", values.size()), std::as_bytes(values));
    return arriving(std::as_writable_bytes(values), bytes_of(sums(0, values.size())));
  }

  Arrival reduce_scatter_sum(std::span<const float> values, Counts counts, std::span<float> out) override {
    give("reduce_scatter_sum of " + text_of(counts), std::as_bytes(values));
    return reading(
        std::as_bytes(values),
        arriving(std::as_writable_bytes(out), bytes_of(sums(sum_before(counts, room_.rank()), out.size()))));
  }

  Arrival all_gather_parts(comm::Parts<std::byte> all) override {
    give("all_gather_parts of " + text_of(all.counts),
         all.bytes.subspan(sum_before(all.counts, room_.rank()), count_of(all.counts, room_.rank())));
    std::vector<std::byte> arrived(all.bytes.size());
    for (int rank = 0; rank < room_.ranks(); ++rank)
      room_.take(rank, 0,
                 std::span(arrived).subspan(sum_before(all.counts, rank), count_of(all.counts, rank)));
    return arriving(all.bytes, arrived);
  }

  // What the others have for this rank begins behind what they have for those before.
  Arrival all_to_all(comm::Parts<const std::byte> out, comm::Parts<std::byte> in) override {
    room_.give("all_to_all", with_head(out.counts, out.bytes));
    std::vector<std::byte> arrived(in.bytes.size());
    for (int rank = 0; rank < room_.ranks(); ++rank)
      take_part(rank, std::span(arrived).subspan(sum_before(in.counts, rank), count_of(in.counts, rank)));
    return reading(out.bytes, arriving(in.bytes, std::move(arrived)));
  }

  Arrival exchange(std::span<const std::byte> out, int to, std::span<std::byte> in, int from) override {
    const std::int64_t target = to;
    room_.give("exchange", with_head(std::span(&target, 1), out));
    ensure(head_of(from, 1).front() == room_.rank() && room_.given_bytes(from) == sizeof(target) + in.size(),
           "what one rank sends is what the other receives");
    std::vector<std::byte> arrived(in.size());
    room_.take(from, sizeof(target), arrived);
    return reading(out, arriving(in, std::move(arrived)));
  }

  Arrival send(std::span<const std::byte> bytes, int to) override {
    const auto file = mailbox_.put(seen(bytes), to);
    return reading(bytes, {[] {}, [file] { return !std::filesystem::exists(file); }});
  }

  Arrival receive(std::span<std::byte> bytes, int from) override {
    const auto target = seen(bytes);
    std::memset(target.data(), kNotThereYet, target.size());
    return {[target, file = mailbox_.next(from)] { Mailbox::take(file, target); }, [] { return false; }};
  }

 private:
  static std::size_t count_of(Counts counts, int rank) {
    return static_cast<std::size_t>(counts[static_cast<std::size_t>(rank)]);
  }
  static std::vector<std::byte> bytes_of(const std::vector<float>& values) {
    const auto bytes = std::as_bytes(std::span(values));
    return {bytes.begin(), bytes.end()};
  }

  void give(const std::string& call, std::span<const std::byte> of_device) {
    room_.give(call, seen(of_device));
  }

  // Of all ranks' floats from `begin` on.
  std::vector<float> sums(std::size_t begin, std::size_t count) const {
    std::vector<float> total(count), part(count);
    for (int rank = 0; rank < room_.ranks(); ++rank) {
      room_.take(rank, begin * sizeof(float), std::as_writable_bytes(std::span(part)));
      for (std::size_t i = 0; i < count; ++i) total[i] += part[i];
    }
    return total;
  }

  // Numbers, and behind them what the device has.
  static std::vector<std::byte> with_head(Counts head, std::span<const std::byte> of_device) {
    const auto bytes = std::as_bytes(head);
    std::vector<std::byte> all(bytes.begin(), bytes.end());
    const auto host = seen(of_device);
    all.insert(all.end(), host.begin(), host.end());
    return all;
  }
  std::vector<std::int64_t> head_of(int from, int numbers) const {
    std::vector<std::int64_t> head(static_cast<std::size_t>(numbers));
    room_.take(from, 0, std::as_writable_bytes(std::span(head)));
    return head;
  }

  void take_part(int from, std::span<std::byte> part) const {
    const auto counts = head_of(from, room_.ranks());
    ensure(count_of(counts, room_.rank()) == part.size(), "what one rank sends is what the other receives");
    room_.take(from, std::as_bytes(std::span(counts)).size() + sum_before(counts, room_.rank()), part);
  }

  Arrival arriving(std::span<std::byte> of_device, std::vector<std::byte> arrived) {
    room_.done();
    const auto target = seen(of_device);
    std::memset(target.data(), kNotThereYet, target.size());
    return {[target, arrived = std::move(arrived)] { std::ranges::copy(arrived, target.begin()); },
            [] { return false; }};
  }

  // Until its arrival is asked for or over, NCCL may not have read all that leaves.
  static Arrival reading(std::span<const std::byte> of_device, Arrival arrival) {
    const auto source = seen(of_device);
    const auto is_over = arrival.is_over;
    return {[source, given = std::vector(source.begin(), source.end()), arrival = std::move(arrival)] {
              if (!arrival.is_over() && !std::ranges::equal(source, given))
                fail("NCCL: memory was changed or freed before it was read");
              arrival();
            },
            is_over};
  }

  SharedRoom room_;
  Mailbox mailbox_;
};

}  // namespace

std::string channel_id() { return fmt::format("/dfm_emulated_{:08x}", std::random_device()()); }

std::shared_ptr<comm::DeviceChannel> join_channel(const std::string& id, int rank, int ranks) {
  return std::make_shared<SharedChannel>(id, rank, ranks);
}

}  // namespace dfm::emulated
