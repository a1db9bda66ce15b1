#include "ckpt/verified_file.h"

#include <algorithm>

#include "core/stop_token.h"

namespace dfm::ckpt {
namespace {

// Small enough to be hashed from the processor's cache, beside the pages it was read from; large enough for
// few calls.
constexpr std::size_t kPartBytes = 256U << 10U;
constexpr std::uint64_t kBetweenLooksAtStop = 64U << 20U;

}  // namespace

VerifiedFile::VerifiedFile(const std::filesystem::path& path) : file_(File::open_to_read(path)) {
  file_.expect_sequential_reads();
}

void VerifiedFile::read(std::uint64_t offset, std::span<std::byte> out) {
  if (offset < hashed_) return file_.read_exactly(out, offset);
  hash_up_to(offset);
  read_and_hash(out);
}

std::uint64_t VerifiedFile::finish() {
  for (const std::uint64_t size = file_.size(); hashed_ < size;) {
    StopToken::throw_if_requested();
    hash_up_to(std::min(size, hashed_ + kBetweenLooksAtStop));
  }
  return hash_.digest();
}

void VerifiedFile::read_and_hash(std::span<std::byte> out) {
  while (!out.empty()) {
    const auto part = out.first(std::min(out.size(), kPartBytes));
    file_.read_exactly(part, hashed_);
    hash_.update(part);
    hashed_ += part.size();
    out = out.subspan(part.size());
  }
}

void VerifiedFile::hash_up_to(std::uint64_t end) {
  while (hashed_ < end) {
    passed_over_.resize(std::min<std::uint64_t>(end - hashed_, kPartBytes));
    read_and_hash(passed_over_);
  }
}

}  // namespace dfm::ckpt
