#include <algorithm>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "data/energon/brace_expression.h"
#include "data/energon/dataset_metadata.h"
#include "data/energon/yaml_text.h"

namespace dfm::data {
namespace {

// As Python's json.dump writes a string: ASCII only.
std::string json_string(const std::string& text) { return nlohmann::json(text).dump(-1, ' ', true); }

// "train:" and its items, or "train: []".
std::string yaml_list(const std::string& key, const std::vector<std::string>& items, std::size_t indent) {
  const std::string line = std::string(indent, ' ') + yaml_key(key) + ":";
  if (items.empty()) return line + " []\n";
  std::string text = line + "\n";
  for (const std::string& item : items) text += yaml_list_item(item, indent);
  return text;
}

}  // namespace

std::string info_json(const DatasetInfo& info) {
  std::string text = "{\n";
  if (info.energon_version)
    text += fmt::format("  \"energon_version\": {},\n", json_string(*info.energon_version));
  text += "  \"shard_counts\": {";
  const char* separator = "\n";
  for (const ShardCount& shard : info.shards) {
    text += fmt::format("{}    {}: {}", separator, json_string(shard.name), shard.samples);
    separator = ",\n";
  }
  return text + (info.shards.empty() ? "}\n}" : "\n  }\n}");
}

std::string legacy_info_yaml(const DatasetInfo& info) {
  std::vector<ShardCount> sorted = info.shards;
  std::ranges::sort(sorted, {}, &ShardCount::name);
  std::string text = sorted.empty() ? "shard_counts: {}\n" : "shard_counts:\n";
  for (const ShardCount& shard : sorted)
    text += fmt::format("  {}: {}\n", yaml_key(shard.name), shard.samples);
  return text;
}

std::string split_yaml(const Splits& splits) {
  std::string text = "split_parts:\n";
  for (const SplitPart& part : splits.parts) text += yaml_list(part.name, collapse_braces(part.shards), 2);
  return text + yaml_list("exclude", splits.exclude, 0);
}

}  // namespace dfm::data
