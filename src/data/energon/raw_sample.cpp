#include "data/energon/raw_sample.h"

#include <algorithm>
#include <functional>

#include <fmt/core.h>

#include "core/error.h"
#include "core/text.h"
#include "data/energon/sample_key.h"
#include "data/tar/tar_content.h"
#include "data/tar/tar_scanner.h"

namespace dfm::data {
namespace {

constexpr std::uint64_t kSmallBytes = 256U << 10U;

Error refusal(std::string_view what) {
  return data_error(std::string(what),
                    "the shard is not the one that was indexed: run dfm_index FOLDER again");
}

void add_part(RawSample& sample, std::string_view extension, ByteRange content) {
  const auto place = std::ranges::find(sample.parts, extension, &RawPart::extension);
  if (place != sample.parts.end()) {
    place->content = std::move(content);
  } else {
    sample.parts.push_back({std::string(extension), std::move(content)});
  }
}

// Where the contents of members come from.
using ContentOf = std::function<ByteRange(const TarMember&)>;

RawSample collect_parts(TarSource source, std::uint64_t begin, std::uint64_t end,
                        const ContentOf& content_of) {
  RawSample sample;
  TarScanner scanner(std::move(source), begin);
  while (scanner.offset() < end) {
    const auto member = scanner.next();
    if (!member) throw refusal(fmt::format("at byte {} there is no tar header", scanner.offset()));
    const auto name = split_member_name(member->name);
    if (!member->is_regular || !name) continue;
    if (sample.parts.empty()) sample.key = name->key;
    if (sample.key != name->key) {
      throw refusal(fmt::format("files of {} and of {} are in one sample", printable(sample.key),
                                printable(name->key)));
    }
    add_part(sample, name->extension, content_of(*member));
  }
  if (sample.parts.empty()) throw refusal("there is no file of a sample");
  return sample;
}

ByteRange content_in_file(const std::shared_ptr<const File>& shard, const TarMember& member,
                          std::uint64_t end) {
  if (member.content_offset > end || member.content_size > end - member.content_offset)
    throw refusal(fmt::format("{} reaches into the next sample", printable(member.name)));
  const auto read_at = [shard, offset = member.content_offset](std::uint64_t at,
                                                               std::span<std::byte> buffer) {
    shard->read_exactly(buffer, offset + at);
  };
  return ByteRange::through(read_at, member.content_size);
}

RawSample read_at_once(const File& shard, std::uint64_t begin, std::uint64_t size_bytes) {
  std::vector<std::byte> bytes(size_bytes);
  shard.read_exactly(bytes, begin);
  return parse_sample(ByteRange::owning(std::move(bytes)), begin);
}

}  // namespace

const RawPart* RawSample::find(std::string_view extension) const {
  const auto place = std::ranges::find(parts, extension, &RawPart::extension);
  return place == parts.end() ? nullptr : &*place;
}

RawSample parse_sample(const ByteRange& bytes, std::uint64_t first_offset) {
  return collect_parts(TarSource(bytes.view(), first_offset), first_offset, first_offset + bytes.size(),
                       [&](const TarMember& member) {
                         if (member.is_sparse)
                           return ByteRange::owning(content_of(member, bytes.view(), first_offset));
                         return bytes.part(member.content_offset - first_offset, member.content_size);
                       });
}

RawSample read_raw_sample(const std::shared_ptr<const File>& shard, std::uint64_t begin, std::uint64_t end) {
  if (end - begin <= kSmallBytes) return read_at_once(*shard, begin, end - begin);
  return collect_parts(TarSource(*shard), begin, end, [&](const TarMember& member) {
    if (!member.is_sparse) return content_in_file(shard, member, end);
    std::vector<std::byte> stored(member.next_offset - member.member_offset);
    shard->read_exactly(stored, member.member_offset);
    return ByteRange::owning(content_of(member, stored, member.member_offset));
  });
}

}  // namespace dfm::data
