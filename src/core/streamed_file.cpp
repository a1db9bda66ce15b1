#include "core/streamed_file.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace dfm {

StreamedFile::StreamedFile(std::filesystem::path path)
    : file_(std::move(path)), piece_(std::make_unique_for_overwrite<Piece>()) {}

void StreamedFile::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto taken = bytes.first(std::min(bytes.size(), kPieceBytes - gathered_));
    std::memcpy(piece_->bytes.data() + gathered_, taken.data(), taken.size());
    gathered_ += taken.size();
    bytes = bytes.subspan(taken.size());
    if (gathered_ < kPieceBytes) continue;
    file_.append_past_cache(piece_->bytes);
    gathered_ = 0;
  }
}

void StreamedFile::commit() {
  file_.append(std::span(piece_->bytes).first(gathered_));
  file_.commit();
  piece_.reset();
}

}  // namespace dfm
