// Messages between two ranks of a node, in order; the sender waits for nobody.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace dfm::emulated {

class Mailbox {
 public:
  // name: the same for both ranks, and for nobody else.
  Mailbox(std::string name, int rank) : name_(std::move(name)), rank_(rank) {}

  // Returns the file that holds the message until it is taken.
  std::filesystem::path put(std::span<const std::byte> message, int to);

  // The file of the next message from a rank.
  std::filesystem::path next(int from);
  // Waits for it.
  static void take(const std::filesystem::path& file, std::span<std::byte> message);

 private:
  std::filesystem::path file(int from, int to, int number) const;

  std::string name_;
  int rank_;
  int sent_ = 0, received_ = 0;
};

}  // namespace dfm::emulated
