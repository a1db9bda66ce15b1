#include "data/tar/shard_writer.h"

#include "data/tar/tar_header_text.h"

namespace dfm::data {
namespace {

constexpr std::size_t kGatheredBytes = 1U << 20U;
constexpr std::size_t kSmallBytes = 64U << 10U;  // a copy costs less than a call of its own

}  // namespace

void ShardWriter::flush() {
  file_.append(waiting_);
  waiting_.clear();
}

void ShardWriter::add(std::string_view name, std::span<const std::byte> content) {
  append_tar_header(waiting_, name, content.size());
  if (content.size() <= kSmallBytes) {
    waiting_.append(reinterpret_cast<const char*>(content.data()), content.size());
  } else {
    flush();
    file_.append(content);
  }
  waiting_.append(tar_padding(content.size()), '\0');
  if (waiting_.size() >= kGatheredBytes) flush();
}

void ShardWriter::commit() {
  waiting_.append(kTarEndBytes, '\0');
  flush();
  file_.commit();
}

}  // namespace dfm::data
