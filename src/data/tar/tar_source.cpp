#include "data/tar/tar_source.h"

#include <algorithm>

namespace dfm::data {
namespace {

constexpr std::size_t kSequentialBytes = 64U << 10U;
constexpr std::size_t kJumpBytes = 4U << 10U;

}  // namespace

TarSource::TarSource(const File& file) : file_(&file), end_(file.size()) {}

TarSource::TarSource(std::span<const std::byte> bytes, std::uint64_t first_offset)
    : end_(first_offset + bytes.size()), window_(bytes), window_offset_(first_offset) {}

std::span<const std::byte> TarSource::view(std::uint64_t offset, std::size_t count) {
  if (offset >= end_) return {};
  count = std::min<std::uint64_t>(count, end_ - offset);
  const bool is_inside = offset >= window_offset_ && offset - window_offset_ <= window_.size() &&
                         count <= window_.size() - (offset - window_offset_);
  if (!is_inside && file_ != nullptr) load(offset, count);
  if (offset < window_offset_) return {};
  const auto available = window_.subspan(std::min(offset - window_offset_, window_.size()));
  return available.first(std::min(count, available.size()));
}

void TarSource::load(std::uint64_t offset, std::size_t count) {
  const std::uint64_t window_end = window_offset_ + window_.size();
  const bool is_near = offset >= window_offset_ && offset < window_end + kSequentialBytes;
  const std::size_t ahead = std::max(count, is_near ? kSequentialBytes : kJumpBytes);
  buffer_.resize(std::min<std::uint64_t>(ahead, end_ - offset));
  const std::size_t read_bytes = file_->read_up_to(buffer_, offset);
  window_ = std::span<const std::byte>(buffer_).first(read_bytes);
  window_offset_ = offset;
}

}  // namespace dfm::data
