#include "data/tar/shard_writer.h"

#include <array>

#include "data/tar/tar_header_text.h"

namespace dfm::data {
namespace {

constexpr std::array<std::byte, kTarEndBytes> kZeros{};

}  // namespace

void ShardWriter::add(std::string_view name, std::span<const std::byte> content) {
  header_.clear();
  append_tar_header(header_, name, content.size());
  file_.append(header_);
  file_.append(content);
  file_.append(std::span(kZeros).first(tar_padding(content.size())));
}

void ShardWriter::commit() {
  file_.append(kZeros);
  file_.commit();
}

}  // namespace dfm::data
