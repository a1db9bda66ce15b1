#include "ckpt/export/share_copier.h"

#include <algorithm>

#include "core/convert.h"
#include "core/stop_token.h"
#include "data/zip/crc.h"

namespace dfm::ckpt {
namespace {

constexpr std::uint64_t kMiB = 1U << 20U;
constexpr std::uint64_t kStartedBytes = 16 * kMiB;  // at a time on their way to the disk

// The first element of a place at or behind a byte of all places; its place begins at `at`.
std::int64_t element_at(const Place& place, std::uint64_t at, std::uint64_t byte) {
  if (byte <= at) return 0;
  const std::uint64_t element = size_of(place.dtype);
  return std::min(place.count, static_cast<std::int64_t>((byte - at + element - 1) / element));
}

}  // namespace

Share share_of(std::uint64_t total, int rank, int ranks) {
  const auto cut = [&](int r) {
    return static_cast<std::uint64_t>(static_cast<unsigned __int128>(total) * static_cast<unsigned>(r) /
                                      static_cast<unsigned>(ranks));
  };
  return {cut(rank), cut(rank + 1)};
}

ShareCopier::ShareCopier(const Plan& plan, const Staging& staging, const WriteSettings& settings, Share share)
    : plan_(plan),
      staging_(staging),
      settings_(settings),
      share_(share),
      progress_("Writing (MiB)", static_cast<std::int64_t>((share.end - share.begin) / kMiB),
                settings.progress) {}

bool ShareCopier::run() {
  std::uint64_t at = 0;
  for (std::size_t i = 0; i < plan_.places.size(); ++i) {
    const Place& place = plan_.places[i];
    if (place.count > 0 && !copy_place(i, at)) return false;
    at += place.size_bytes();
  }
  finish_file();
  return true;
}

bool ShareCopier::copy_place(std::size_t index, std::uint64_t at) {
  const Place& place = plan_.places[index];
  const std::int64_t first = element_at(place, at, share_.begin), last = element_at(place, at, share_.end);
  if (first == last) return true;
  use_file(place.file);
  Copied copied{index, first, last - first};
  const auto widest = std::max(size_of(place.dtype), size_of(place.tensor->dtype));
  const auto step = std::max<std::int64_t>(1, static_cast<std::int64_t>(settings_.slice_bytes / widest));
  for (std::int64_t begin = first; begin < last; begin += step) {
    if (StopToken::requested()) return false;
    copy_slice(place, begin, std::min(step, last - begin), copied);
  }
  copied_.push_back(copied);
  return true;
}

void ShareCopier::copy_slice(const Place& place, std::int64_t begin, std::int64_t count, Copied& copied) {
  const SourceTensor& tensor = *place.tensor;
  read_.resize(static_cast<std::size_t>(count) * size_of(tensor.dtype));
  tensor.read(place.begin + begin, read_);
  const bool is_converted = tensor.dtype != place.dtype;
  if (is_converted) {
    converted_.resize(static_cast<std::size_t>(count) * size_of(place.dtype));
    convert_elements(read_, tensor.dtype, converted_, place.dtype);
  }
  const std::vector<std::byte>& written = is_converted ? converted_ : read_;
  if (tensor.crc32) copied.read_crc = data::extend_crc32(copied.read_crc, read_);
  if (plan_.finish) {
    const bool is_known = tensor.crc32 && !is_converted;
    copied.written_crc = is_known ? copied.read_crc : data::extend_crc32(copied.written_crc, written);
  }
  write(written, place.offset + static_cast<std::uint64_t>(begin) * size_of(place.dtype));
  note_progress(written.size());
}

void ShareCopier::write(std::span<const std::byte> bytes, std::uint64_t offset) {
  file_->write_at(bytes, offset);
  if (unstarted_bytes_ == 0) unstarted_from_ = offset;
  unstarted_bytes_ = offset + bytes.size() - unstarted_from_;
  if (unstarted_bytes_ < kStartedBytes) return;
  file_->start_writing(unstarted_from_, unstarted_bytes_);
  unstarted_bytes_ = 0;
}

void ShareCopier::note_progress(std::uint64_t bytes) {
  unreported_bytes_ += bytes;
  progress_.advance(static_cast<std::int64_t>(unreported_bytes_ / kMiB));
  unreported_bytes_ %= kMiB;
}

void ShareCopier::use_file(std::size_t index) {
  if (file_ && index == file_index_) return;
  finish_file();
  file_ = File::open_to_write(staging_.path_of(plan_.files[index]));
  file_index_ = index;
}

void ShareCopier::finish_file() {
  if (!file_) return;
  unstarted_bytes_ = 0;
  file_->sync();
  file_->close();
  file_.reset();
}

}  // namespace dfm::ckpt
