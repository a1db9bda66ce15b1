#include "data/dialog/sample_preview.h"

#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "core/python_json.h"
#include "core/text.h"
#include "data/energon/sample_key.h"
#include "data/energon/shard_scan.h"
#include "data/tar/tar_scanner.h"

namespace dfm::data {
namespace {

constexpr std::size_t kMostSamples = 2;
constexpr std::size_t kMostListItems = 3;
constexpr std::size_t kMostCharacters = 25;
constexpr std::uint64_t kLargestJsonBytes = 16U << 20U;

std::vector<ShardSample> first_samples(const File& shard) {
  std::vector<ShardSample> samples;
  TarScanner scanner{TarSource(shard)};
  while (const auto member = scanner.next()) {
    const auto name = split_member_name(member->name);
    if (!member->is_regular || !name) continue;
    if (samples.empty() || samples.back().key != name->key) {
      if (samples.size() == kMostSamples) break;
      samples.push_back({std::string(name->key), member->member_offset, {}});
    }
    samples.back().parts.push_back(
        {std::string(name->extension), member->content_offset, member->content_size, member->is_sparse});
  }
  return samples;
}

std::string shortened(const std::string& text) {
  std::size_t characters = 0, end = 0;
  for (; end < text.size(); ++end) {
    const bool begins_character = (static_cast<unsigned char>(text[end]) & 0xC0U) != 0x80U;
    if (begins_character && ++characters > kMostCharacters) break;
  }
  return end < text.size() ? text.substr(0, end) + "..." : text;
}

Json shortened(const Json& json) {  // NOLINT(misc-no-recursion): parse_json bounds the depth
  Json result = json;
  if (json.is_string()) return shortened(json.get_ref<const std::string&>());
  if (json.is_array()) {
    result = Json::array();
    for (const Json& item : json) {
      if (result.size() == kMostListItems) {
        result.push_back("...");
        break;
      }
      result.push_back(shortened(item));
    }
  } else if (json.is_object()) {
    for (auto& [key, value] : result.items()) value = shortened(value);
  }
  return result;
}

std::string json_text(const File& shard, const SamplePart& part) {
  if (part.is_sparse || part.content_size > kLargestJsonBytes) return "(too long to show)";
  std::string text(part.content_size, '\0');
  try {
    shard.read_exactly(std::as_writable_bytes(std::span(text)), part.content_offset);
    return shortened(parse_python_json(text, "it")).dump(2, ' ', true);
  } catch (const Error& error) {
    return fmt::format("(not shown: {})", error.what());
  }
}

}  // namespace

std::string preview_samples(const std::filesystem::path& root, const std::string& shard) {
  const File file = File::open_to_read(root / shard);
  std::string text;
  std::size_t place = 0;
  for (const ShardSample& sample : first_samples(file)) {
    text += fmt::format("Sample {}, keys:\n", place);
    const SamplePart* json = nullptr;
    for (const SamplePart& part : sample.parts) {
      text += fmt::format(" - {}\n", printable(part.extension));
      if (part.extension == "json") json = &part;
    }
    if (json != nullptr)
      text += fmt::format("Json content of sample {} of {}:\n{}\n", place, printable(shard),
                          json_text(file, *json));
    ++place;
  }
  return text;
}

}  // namespace dfm::data
