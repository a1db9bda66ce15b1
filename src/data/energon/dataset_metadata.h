// The files in .nv-meta/ that make a folder of shards an Energon data set (spec/energon.md
// sections 1.5, 1.6, 1.10), read and written. What is written equals byte for byte what Energon 7.4 writes,
// except that .info.json has no `energon_version`: no Energon wrote it, nothing reads it, and releases
// before 7.1 refuse the key.
//
//   const DatasetInfo info = read_dataset_info(root);
//   const Splits splits = read_splits(root);
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/energon/splits.h"

namespace dfm::data {

inline constexpr const char* kMetaFolder = ".nv-meta";
inline constexpr const char* kInfoFile = ".nv-meta/.info.json";
inline constexpr const char* kLegacyInfoFile = ".nv-meta/.info.yaml";
inline constexpr const char* kSplitFile = ".nv-meta/split.yaml";
inline constexpr const char* kSplitJsonFile = ".nv-meta/split.json";
inline constexpr const char* kDatasetFile = ".nv-meta/dataset.yaml";  // unless it is named otherwise
inline constexpr const char* kSampleLoaderFile = ".nv-meta/sample_loader.py";

struct ShardCount {
  std::string name;  // relative to the root of the data set, with slashes
  std::uint64_t samples = 0;

  bool operator==(const ShardCount&) const = default;
};

struct DatasetInfo {
  std::optional<std::string> energon_version;  // of the Energon that prepared the data set
  std::vector<ShardCount> shards;              // in their order, which is that of the samples
};

struct Splits {
  std::vector<SplitPart> parts;
  std::vector<std::string> exclude;  // shards, or SHARD/KEY for single samples

  // Null when there is no such part.
  const SplitPart* find(std::string_view name) const;
};

// The contents of .info.json, the older .info.yaml and split.yaml (dataset.yaml: dataset_definition.h). Lists
// of shards are written as brace expressions.
std::string info_json(const DatasetInfo& info);
std::string legacy_info_yaml(const DatasetInfo& info);
std::string split_yaml(const Splits& splits);

// .info.json or, where that is missing, .info.yaml. Throws a data error when neither is there ("run
// dfm_index"), when the file is malformed, or when a name leads out of the folder.
DatasetInfo read_dataset_info(const std::filesystem::path& root);

// split.yaml or, where that is missing, split.json, with all brace expressions expanded.
// file: another one in .nv-meta.
Splits read_splits(const std::filesystem::path& root);
Splits read_splits(const std::filesystem::path& root, std::string_view file);
bool has_splits(const std::filesystem::path& root);

// Whether a name stays inside the folder it is relative to: not empty, not absolute, without "." and ".."
// parts.
bool is_inside_name(std::string_view name);

}  // namespace dfm::data
