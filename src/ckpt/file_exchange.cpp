#include "ckpt/file_exchange.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>

#include <fmt/core.h>

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"

namespace dfm::ckpt {
namespace {

// A piece as it travels: whether the sender could read it, then its bytes.
constexpr std::size_t kFlagBytes = sizeof(std::int64_t);

class Exchange {
 public:
  explicit Exchange(const ExchangeContext& context) : context_(context) {}

  void send(const FileTransfer& transfer) {
    std::optional<File> file;
    guarded([&] { file = File::open_to_read(context_.folder / transfer.file.name); });
    for (std::uint64_t at = 0; at < transfer.file.size_bytes; at += context_.piece_bytes) {
      std::vector<std::byte>& message = message_for(transfer.file, at);
      if (file && !guarded([&] { file->read_exactly(std::span(message).subspan(kFlagBytes), at); }))
        file.reset();
      const std::int64_t readable = file ? 1 : 0;
      std::memcpy(message.data(), &readable, kFlagBytes);
      context_.leaders.start_send(message, transfer.to).wait();
      if (!file) return;
    }
  }

  void receive(const FileTransfer& transfer) {
    std::optional<DurableFile> file;
    StreamHash hash;
    guarded([&] { file.emplace(context_.folder / transfer.file.name); });
    for (std::uint64_t at = 0; at < transfer.file.size_bytes; at += context_.piece_bytes) {
      std::vector<std::byte>& message = message_for(transfer.file, at);
      context_.leaders.start_receive(message, transfer.from).wait();
      std::int64_t readable = 0;
      std::memcpy(&readable, message.data(), kFlagBytes);
      if (readable == 0) return;  // the sender says why
      const auto piece = std::span<const std::byte>(message).subspan(kFlagBytes);
      hash.update(piece);
      if (file && !guarded([&] { file->append(piece); })) file.reset();
    }
    guarded([&] {
      if (!file) return;
      if (hex(hash.digest()) != transfer.file.xxh3) {
        throw data_error(fmt::format("{} as another node holds it does not have the checksum of the manifest",
                                     (context_.folder / transfer.file.name).native()));
      }
      file->commit();
    });
  }

  void throw_first_failure() const {
    if (failure_) throw Error(*failure_);
  }

 private:
  std::vector<std::byte>& message_for(const FileRecord& file, std::uint64_t at) {
    const std::uint64_t size = std::min<std::uint64_t>(context_.piece_bytes, file.size_bytes - at);
    message_.resize(kFlagBytes + size);
    return message_;
  }

  // The other node waits for the pieces whatever happens here.
  template <class Body>
  bool guarded(Body&& body) {
    try {
      body();
      return true;
    } catch (...) {
      if (!failure_) failure_ = to_error(std::current_exception());
      return false;
    }
  }

  const ExchangeContext& context_;
  std::vector<std::byte> message_;
  std::optional<Error> failure_;
};

}  // namespace

void exchange_files(const ExchangeContext& context, const std::vector<FileTransfer>& transfers) {
  Exchange exchange(context);
  for (const FileTransfer& transfer : transfers) {
    if (transfer.from == context.leaders.rank()) exchange.send(transfer);
    if (transfer.to == context.leaders.rank()) exchange.receive(transfer);
  }
  exchange.throw_first_failure();
}

}  // namespace dfm::ckpt
