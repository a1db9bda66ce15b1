#include "emulated_gpu/mailbox.h"

#include <fstream>

#include <fmt/format.h>
#include <sched.h>

#include "core/error.h"

namespace dfm::emulated {

std::filesystem::path Mailbox::file(int from, int to, int number) const {
  return fmt::format("/dev/shm{}_{}_to_{}_{}", name_, from, to, number);
}

std::filesystem::path Mailbox::put(std::span<const std::byte> message, int to) {
  auto path = file(rank_, to, sent_++);
  const auto unfinished = path.string() + ".part";
  std::ofstream(unfinished, std::ios::binary)
      .write(reinterpret_cast<const char*>(message.data()), static_cast<std::streamsize>(message.size()));
  std::filesystem::rename(unfinished, path);
  return path;
}

std::filesystem::path Mailbox::next(int from) { return file(from, rank_, received_++); }

void Mailbox::take(const std::filesystem::path& file, std::span<std::byte> message) {
  while (!std::filesystem::exists(file)) ::sched_yield();
  ensure(std::filesystem::file_size(file) == message.size(),
         "a message's sender and receiver agree about its size");
  std::ifstream(file, std::ios::binary)
      .read(reinterpret_cast<char*>(message.data()), static_cast<std::streamsize>(message.size()));
  std::filesystem::remove(file);
}

}  // namespace dfm::emulated
