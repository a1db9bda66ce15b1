#include <system_error>

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "data/energon/brace_expression.h"
#include "data/energon/dataset_metadata.h"
#include "data/energon/info_json_reader.h"

namespace dfm::data {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostNames = 1'000'000;

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// Splits are a user's to edit, so that they are kept unless told otherwise.
Error malformed(const fs::path& file, std::string_view what) {
  const bool is_kept = file.filename() == fs::path(kSplitFile).filename();
  return data_error(fmt::format("{}: {}", file.native(), what),
                    is_kept ? "mend it, or make it again: dfm_index FOLDER --force-overwrite"
                            : "make it again: dfm_index FOLDER");
}

template <class Body>
auto with_yaml(const fs::path& file, Body&& body) {
  try {
    const YAML::Node root = YAML::Load(read_text(file));
    if (!root.IsMap()) throw malformed(file, "is not a map");
    return body(root);
  } catch (const YAML::Exception& error) {
    throw malformed(file, error.what());
  }
}

void check_names(const DatasetInfo& info, const fs::path& file) {
  for (const ShardCount& shard : info.shards) {
    if (!is_inside_name(shard.name))
      throw malformed(file, fmt::format("shard '{}' is not inside the folder", shard.name));
  }
}

DatasetInfo read_legacy_info(const fs::path& file) {
  return with_yaml(file, [&](const YAML::Node& root) {
    DatasetInfo info;
    const YAML::Node counts = root["shard_counts"];
    if (!counts.IsDefined() || !counts.IsMap()) throw malformed(file, "has no map shard_counts");
    for (const auto& entry : counts)
      info.shards.push_back({entry.first.as<std::string>(), entry.second.as<std::uint64_t>()});
    return info;
  });
}

void append_expanded(std::string_view expression, std::vector<std::string>& names) {
  for (std::string& name : expand_braces(expression)) names.push_back(std::move(name));
  if (names.size() > kMostNames)
    throw data_error(fmt::format("more than {} names in one list of shards", kMostNames));
}

std::vector<std::string> yaml_names(const YAML::Node& list, const fs::path& file, const std::string& what) {
  if (!list.IsSequence()) throw malformed(file, fmt::format("{} is not a list", what));
  std::vector<std::string> names;
  for (const auto& item : list) {
    if (!item.IsScalar()) throw malformed(file, fmt::format("{} holds something that is not a name", what));
    append_expanded(item.Scalar(), names);
  }
  return names;
}

Splits read_split_yaml(const fs::path& file) {
  return with_yaml(file, [&](const YAML::Node& root) {
    Splits splits;
    const YAML::Node parts = root["split_parts"], exclude = root["exclude"];
    if (!parts.IsDefined() || !parts.IsMap()) throw malformed(file, "has no map split_parts");
    for (const auto& part : parts) {
      const auto name = part.first.as<std::string>();
      splits.parts.push_back({name, yaml_names(part.second, file, name)});
    }
    if (exclude.IsDefined() && !exclude.IsNull()) splits.exclude = yaml_names(exclude, file, "exclude");
    return splits;
  });
}

std::vector<std::string> json_names(const Json& list, const fs::path& file, const std::string& what) {
  if (!list.is_array()) throw malformed(file, fmt::format("{} is not a list", what));
  std::vector<std::string> names;
  for (const auto& item : list) {
    if (!item.is_string()) throw malformed(file, fmt::format("{} holds something that is not a name", what));
    append_expanded(item.get_ref<const std::string&>(), names);
  }
  return names;
}

Splits read_split_json(const fs::path& file) {
  const Json root = read_json(file);
  if (!root.is_object() || !root.contains("split_parts") || !root["split_parts"].is_object()) {
    throw malformed(file, "has no map split_parts");
  }
  Splits splits;
  for (const auto& [name, list] : root["split_parts"].items())
    splits.parts.push_back({name, json_names(list, file, name)});
  if (root.contains("exclude")) splits.exclude = json_names(root["exclude"], file, "exclude");
  return splits;
}

}  // namespace

const SplitPart* Splits::find(std::string_view name) const {
  for (const SplitPart& part : parts) {
    if (part.name == name) return &part;
  }
  return nullptr;
}

bool is_inside_name(std::string_view name) {
  if (name.empty() || name.starts_with('/') || name.find('\0') != std::string_view::npos) return false;
  for (const fs::path& part : fs::path(name)) {
    if (part == ".." || part == "." || part.empty()) return false;
  }
  return true;
}

DatasetInfo read_dataset_info(const fs::path& root) {
  const fs::path file = root / kInfoFile, legacy = root / kLegacyInfoFile;
  if (!is_there(file) && !is_there(legacy)) {
    throw data_error(fmt::format("{} is not indexed: {} is missing", root.native(), file.native()),
                     fmt::format("index it: dfm_index {}", root.native()));
  }
  const bool has_json = is_there(file);
  DatasetInfo info = has_json ? parse_info_json(read_text(file), file.native()) : read_legacy_info(legacy);
  check_names(info, has_json ? file : legacy);
  return info;
}

bool has_splits(const fs::path& root) {
  return is_there(root / kSplitFile) || is_there(root / kSplitJsonFile);
}

Splits read_splits(const fs::path& root) { return read_splits(root, {}); }

Splits read_splits(const fs::path& root, std::string_view name) {
  const fs::path file = name.empty() ? root / kSplitFile : root / kMetaFolder / name;
  if (!name.empty() && !is_inside_name(name)) throw malformed(file, "is not inside the folder");
  if (is_there(file)) return file.extension() == ".json" ? read_split_json(file) : read_split_yaml(file);
  if (name.empty() && is_there(root / kSplitJsonFile)) return read_split_json(root / kSplitJsonFile);
  throw data_error(fmt::format("{} is missing", file.native()),
                   fmt::format("index the folder: dfm_index {}", root.native()));
}

}  // namespace dfm::data
