#include "data/tensor/byte_range.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/core.h>

#include "core/error.h"
#include "core/units.h"

namespace dfm::data {
namespace {

constexpr std::uint64_t kBlockBytes = 4096;

// Keeps the two blocks that were read last, one for each end of a file; reads inside them cost no call.
class BlockReader {
 public:
  BlockReader(ReadAt read_at, std::uint64_t size) : read_at_(std::move(read_at)), size_(size) {}

  void read(std::uint64_t offset, std::span<std::byte> buffer) {
    if (buffer.size() > kBlockBytes) return read_at_(offset, buffer);
    const auto known =
        std::ranges::find_if(blocks_, [&](const Block& b) { return b.holds(offset, buffer.size()); });
    const Block& block = known != blocks_.end() ? *known : load(offset);
    std::memcpy(buffer.data(), block.bytes.data() + (offset - block.start), buffer.size());
  }

 private:
  struct Block {
    std::uint64_t start = 0;
    std::vector<std::byte> bytes;

    bool holds(std::uint64_t offset, std::size_t count) const {
      return offset >= start && offset + count <= start + bytes.size();
    }
  };

  const Block& load(std::uint64_t offset) {
    Block block{offset, std::vector<std::byte>(std::min(kBlockBytes, size_ - offset))};
    read_at_(offset, block.bytes);
    std::swap(blocks_[0], blocks_[1]);
    blocks_[0] = std::move(block);
    return blocks_[0];
  }

  ReadAt read_at_;
  std::uint64_t size_;
  std::array<Block, 2> blocks_;
};

}  // namespace

ByteRange ByteRange::of(std::span<const std::byte> bytes) { return {bytes, nullptr}; }

ByteRange ByteRange::owning(std::vector<std::byte> bytes) {
  const auto kept = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  return {*kept, kept};
}

ByteRange ByteRange::through(ReadAt read_at, std::uint64_t size_bytes) {
  const auto reader = std::make_shared<BlockReader>(std::move(read_at), size_bytes);
  return {[reader](std::uint64_t offset, std::span<std::byte> buffer) { reader->read(offset, buffer); },
          size_bytes};
}

void ByteRange::require(std::uint64_t offset, std::uint64_t length) const {
  if (offset > size_ || length > size_ - offset) {
    throw data_error(fmt::format("{} are needed where {} are left", format_bytes(length),
                                 format_bytes(offset > size_ ? 0 : size_ - offset)),
                     "the file is cut short or damaged: copy or make it again");
  }
}

ByteRange ByteRange::part(std::uint64_t offset, std::uint64_t length) const {
  require(offset, length);
  ByteRange result = *this;
  result.offset_ += offset;
  result.size_ = length;
  if (read_at_ == nullptr) result.memory_ = memory_.subspan(offset, length);
  return result;
}

void ByteRange::read(std::uint64_t offset, std::span<std::byte> buffer) const {
  require(offset, buffer.size());
  if (buffer.empty()) return;
  if (read_at_ != nullptr) return (*read_at_)(offset_ + offset, buffer);
  std::memcpy(buffer.data(), memory_.data() + offset, buffer.size());
}

std::vector<std::byte> ByteRange::bytes() const {
  std::vector<std::byte> result(size_);
  read(0, result);
  return result;
}

std::string ByteRange::text() const {
  std::string result(size_, '\0');
  read(0, std::as_writable_bytes(std::span(result)));
  return result;
}

}  // namespace dfm::data
