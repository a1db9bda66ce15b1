#include "data/loader/energon_source.h"

#include <algorithm>
#include <set>

#include "core/hash.h"
#include "data/energon/dataset_metadata.h"
#include "data/energon/shapes_file.h"
#include "data/energon/tar_index.h"
#include "data/loader/blended_source.h"
#include "data/loader/indexed_folder.h"
#include "data/loader/metadataset.h"

namespace dfm::data {
namespace {

namespace fs = std::filesystem;

// The folder that holds both.
fs::path common_folder(const fs::path& a, const fs::path& b) {
  fs::path common;
  for (auto x = a.begin(), y = b.begin(); x != a.end() && y != b.end() && *x == *y; ++x, ++y) common /= *x;
  return common;
}

fs::path common_root(const std::vector<const DatasetIndex*>& folders) {
  fs::path root = folders.front()->root;
  for (const DatasetIndex* const each : folders) root = common_folder(root, each->root);
  return root;
}

bool names_shards(const fs::path& folder, std::string_view split, std::string_view split_file) {
  const Splits splits = read_splits(folder, split_file);
  const SplitPart* const part = splits.find(split);
  return part != nullptr && !part->shards.empty();
}

}  // namespace

SampleSource energon_source(const SourceIndex& index, const SourceSettings& settings) {
  if (index.blend) return blended_source(index, settings);
  const auto dataset = open_folder(*index.folders.front(), settings.copies);
  SampleSource source = source_of(runs_of(dataset), settings);
  source.text_width = text_width_of(*dataset);
  source.fingerprint = hex(dataset->fingerprint());
  return source;
}

SampleSource energon_source(const fs::path& path, std::string_view split, const SourceSettings& settings) {
  return energon_source(read_source_index(path, split), settings);
}

SourceFiles files_of(const std::vector<const SourceIndex*>& sources) {
  std::vector<const DatasetIndex*> folders;
  for (const SourceIndex* const source : sources) {
    for (const auto& each : source->folders) folders.push_back(each.get());
  }
  SourceFiles files{common_root(folders), {}};
  std::set<fs::path> known;
  const auto add = [&](const fs::path& file) {
    if (known.insert(file).second)
      files.names.push_back(file.lexically_relative(files.root).generic_string());
  };
  for (const DatasetIndex* const each : folders) {  // first what is read first
    if (!each->shapes.empty()) add(each->root / kShapesFile);
  }
  for (const DatasetIndex* const each : folders) {
    for (const IndexedShard& shard : each->shards) {
      add(tar_index_path(shard.path));
      add(shard.path);
    }
  }
  return files;
}

bool has_samples(const fs::path& path, std::string_view split) {
  if (!is_metadataset(path)) return names_shards(path, split, {});
  const auto splits = splits_of_metadataset(path);
  if (std::ranges::find(splits, split) == splits.end()) return false;
  const Metadataset blend = read_metadataset(path, split);
  return std::ranges::any_of(blend.folders, [](const BlendedFolder& each) {
    return names_shards(each.folder, each.split, each.split_file);
  });
}

}  // namespace dfm::data
