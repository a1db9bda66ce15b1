#include "data/energon/index_metadata.h"

#include <algorithm>
#include <system_error>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "core/file.h"
#include "data/energon/dataset_metadata.h"
#include "data/energon/file_mode.h"
#include "data/energon/python_random.h"
#include "data/energon/sample_tables.h"
#include "data/energon/shard_record.h"

namespace dfm::data {
namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

void write_like(const fs::path& path, std::string_view content, const fs::path& model) {
  DurableFile file(path);
  file.append(content);
  copy_mode(model, temporary_name(path));
  file.commit();
}

void copy_modes(const fs::path& root, const IndexReport& report) {
  for (const char* const file : {kSqliteFile, kUuidFile})
    copy_mode(root / report.shards.front().name, root / file);
}

void write_info(const fs::path& root, const IndexReport& report) {
  const DatasetInfo info{std::nullopt, report.shards};
  const fs::path model = root / report.shards.front().name;
  write_like(root / kInfoFile, info_json(info), model);
  if (is_there(root / kLegacyInfoFile)) write_like(root / kLegacyInfoFile, legacy_info_yaml(info), model);
}

std::vector<std::string> shard_order(const IndexSettings& settings, const std::vector<ShardCount>& shards) {
  std::vector<std::string> names;
  if (!settings.shuffle_tars) {
    for (const ShardCount& shard : shards) names.push_back(shard.name);
  } else {
    for (const std::size_t place : python_shuffle(shards.size(), kShuffleSeed))
      names.push_back(shards[place].name);
  }
  return names;
}

Splits splits_by_pattern(const IndexSettings& settings, IndexReport& report) {
  std::vector<std::string> names;
  for (const ShardCount& shard : report.shards) names.push_back(shard.name);
  Splits splits{split_by_patterns(names, settings.split_patterns), {}};
  std::unordered_set<std::string> used;
  for (std::size_t i = 0; i < splits.parts.size(); ++i) {
    used.insert(splits.parts[i].shards.begin(), splits.parts[i].shards.end());
    if (!splits.parts[i].shards.empty()) continue;
    report.warnings.push_back(fmt::format(
        "the split {} is empty: no name of {} shards matches '{}' (a regular expression that must match "
        "from the beginning, not a shell pattern)",
        splits.parts[i].name, names.size(), settings.split_patterns[i].pattern));
  }
  const auto left =
      std::ranges::find_if(names, [&](const std::string& name) { return !used.contains(name); });
  if (left != names.end()) {
    report.warnings.push_back(fmt::format("the patterns leave {} of {} shards in no split, the first: {}",
                                          names.size() - used.size(), names.size(), *left));
  }
  return splits;
}

Splits splits_by_share(const IndexSettings& settings, IndexReport& report) {
  const std::vector<std::string> names = shard_order(settings, report.shards);
  Splits splits{split_by_ratio(names, settings.split_ratio), {}};
  const std::string ratio =
      fmt::format("{},{},{}", settings.split_ratio[0], settings.split_ratio[1], settings.split_ratio[2]);
  std::size_t used = 0;
  for (std::size_t i = 0; i < splits.parts.size(); ++i) {
    used += splits.parts[i].shards.size();
    if (!splits.parts[i].shards.empty() || settings.split_ratio[i] == 0) continue;
    report.warnings.push_back(fmt::format("the split {} is empty: ratio {} over {} shards",
                                          splits.parts[i].name, ratio, names.size()));
  }
  if (used < names.size()) {
    report.warnings.push_back(fmt::format("rounding leaves {} of {} shards in no split with ratio {}: {}",
                                          names.size() - used, names.size(), ratio, names.back()));
  }
  return splits;
}

// Compares a split that is kept with the shards that there are.
void check_kept_splits(const Splits& splits, IndexReport& report) {
  std::unordered_set<std::string> listed(splits.exclude.begin(), splits.exclude.end()), indexed;
  for (const ShardCount& shard : report.shards) indexed.insert(shard.name);
  std::vector<std::string> missing, uncovered;
  for (const SplitPart& part : splits.parts) {
    for (const std::string& name : part.shards) {
      if (listed.insert(name).second && !indexed.contains(name)) missing.push_back(name);
    }
  }
  for (const ShardCount& shard : report.shards) {
    if (!listed.contains(shard.name)) uncovered.push_back(shard.name);
  }
  static constexpr const char* kRemedy = "index.force_overwrite=true writes it anew";
  if (!missing.empty()) {
    report.warnings.push_back(
        fmt::format("the split file that is kept names {} shards that are not indexed (first: {}); {}",
                    missing.size(), missing.front(), kRemedy));
  }
  if (!uncovered.empty()) {
    report.warnings.push_back(
        fmt::format("the split file that is kept has {} of {} shards in no split (first: {}); {}",
                    uncovered.size(), report.shards.size(), uncovered.front(), kRemedy));
  }
}

void write_splits(const IndexSettings& settings, IndexReport& report) {
  Splits splits;
  if (has_splits(settings.root) && !settings.force_overwrite) {
    splits = read_splits(settings.root);
    check_kept_splits(splits, report);
    report.kept_files.emplace_back(is_there(settings.root / kSplitFile) ? kSplitFile : kSplitJsonFile);
  } else {
    splits = settings.split_patterns.empty() ? splits_by_share(settings, report)
                                             : splits_by_pattern(settings, report);
    write_like(settings.root / kSplitFile, split_yaml(splits), settings.root / report.shards.front().name);
  }
  report.splits = summarise_splits(splits, report.shards);
}

void write_sample_loader(const IndexSettings& settings, IndexReport& report) {
  const fs::path file = settings.root / kSampleLoaderFile;
  if (is_there(file) && !settings.replace_sample_loader) {
    report.kept_files.emplace_back(kSampleLoaderFile);
    return;
  }
  write_durably(file, sample_loader_py(*find_sample_type(settings.dataset->sample_type), report.extensions));
}

void warn_of_missing_parts(const FieldMap& map, IndexReport& report) {
  for (const auto& [field, expression] : map) {
    const auto parts = parts_of_expression(expression);
    const auto is_found = [&](const std::string& part) {
      return std::ranges::find(report.extensions, part) != report.extensions.end();
    };
    if (std::ranges::any_of(parts, is_found)) continue;
    report.warnings.push_back(
        fmt::format("the field {} is to be made of {}, which no sample has; parts are: {}", field, expression,
                    fmt::join(report.extensions, ", ")));
  }
}

}  // namespace

std::vector<SplitSummary> summarise_splits(const Splits& splits, const std::vector<ShardCount>& shards) {
  std::unordered_map<std::string, std::uint64_t> samples_of;
  for (const ShardCount& shard : shards) samples_of.emplace(shard.name, shard.samples);
  for (const std::string& excluded : splits.exclude) samples_of.erase(excluded);
  std::vector<SplitSummary> summaries;
  for (const SplitPart& part : splits.parts) {
    SplitSummary summary{part.name, 0, 0};
    for (const std::string& name : part.shards) {
      const auto place = samples_of.find(name);
      if (place == samples_of.end()) continue;
      ++summary.shards;
      summary.samples += place->second;
    }
    summaries.push_back(std::move(summary));
  }
  return summaries;
}

void prepare_meta_folder(const IndexSettings& settings) {
  if (has_splits(settings.root) && !settings.force_overwrite) read_splits(settings.root);
  make_folder(settings.root / kMetaFolder);
  make_folder(settings.root / kRecordFolder);
  for (const char* const folder : {kMetaFolder, kRecordFolder})
    copy_mode(settings.root, settings.root / folder);
}

void write_metadata(const IndexSettings& settings, IndexReport& report) {
  copy_modes(settings.root, report);
  write_info(settings.root, report);
  write_splits(settings, report);
}

void write_dataset_yaml(const IndexSettings& settings, IndexReport& report) {
  if (!settings.dataset) return;
  const std::string name = fmt::format("{}/{}", kMetaFolder, settings.dataset_yaml_name);
  if (is_there(settings.root / name) && !settings.force_overwrite) {
    report.kept_files.push_back(name);
    return;
  }
  if (settings.dataset->needs_sample_loader()) write_sample_loader(settings, report);
  if (settings.dataset->field_map) warn_of_missing_parts(*settings.dataset->field_map, report);
  write_durably(settings.root / name, dataset_yaml(*settings.dataset));
}

void write_index_only_metadata(const IndexSettings& settings, const IndexReport& report) {
  copy_modes(settings.root, report);
  if (!is_there(settings.root / kInfoFile)) write_info(settings.root, report);
}

}  // namespace dfm::data
