// Memory that the ranks of a channel share: a place a rank for what it gives, and a barrier.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace dfm::emulated {

class SharedRoom {
 public:
  // Collective over the ranks that name it.
  SharedRoom(const std::string& name, int rank, int ranks);
  SharedRoom(const SharedRoom&) = delete;
  SharedRoom& operator=(const SharedRoom&) = delete;
  ~SharedRoom();

  int rank() const { return rank_; }
  int ranks() const { return ranks_; }

  // What this rank gives to the call named so; returns when all have given. `call` must be the same for all.
  void give(const std::string& call, std::span<const std::byte> bytes);
  // Of a rank, from `begin` on, into `to`.
  void take(int from, std::size_t begin, std::span<std::byte> to) const;
  std::size_t given_bytes(int from) const;
  // All have taken.
  void done();

 private:
  struct Place {
    std::array<char, 128> call;
    std::size_t bytes;
  };
  struct Barrier {
    std::atomic<std::uint32_t> arrived, round;
  };

  void wait_for_all();
  Barrier& barrier() const;
  Place& place(int rank) const;
  std::byte* room(int rank) const;

  int rank_, ranks_;
  std::byte* memory_;
};

}  // namespace dfm::emulated
