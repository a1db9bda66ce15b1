#include "data/energon/raw_sample.h"

#include <algorithm>

#include <fmt/core.h>

#include "core/error.h"
#include "core/text.h"
#include "data/energon/sample_key.h"
#include "data/tar/tar_content.h"
#include "data/tar/tar_scanner.h"

namespace dfm::data {
namespace {

Error refusal(std::string_view what) {
  return data_error(std::string(what),
                    "the shard is not the one that was indexed: run dfm_index FOLDER again");
}

void add_part(RawSample& sample, std::string_view extension, std::vector<std::byte> bytes) {
  const auto place = std::ranges::find(sample.parts, extension, &RawPart::extension);
  if (place != sample.parts.end()) {
    place->bytes = std::move(bytes);
  } else {
    sample.parts.push_back({std::string(extension), std::move(bytes)});
  }
}

}  // namespace

const RawPart* RawSample::find(std::string_view extension) const {
  const auto place = std::ranges::find(parts, extension, &RawPart::extension);
  return place == parts.end() ? nullptr : &*place;
}

RawSample parse_sample(std::span<const std::byte> archive, std::uint64_t first_offset) {
  const std::uint64_t end = first_offset + archive.size();
  RawSample sample;
  TarScanner scanner(TarSource(archive, first_offset), first_offset);
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
    add_part(sample, name->extension, content_of(*member, archive, first_offset));
  }
  if (sample.parts.empty()) throw refusal("there is no file of a sample");
  return sample;
}

}  // namespace dfm::data
