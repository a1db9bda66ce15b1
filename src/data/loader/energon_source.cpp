#include "data/loader/energon_source.h"

#include <algorithm>
#include <set>

#include "core/hash.h"
#include "data/energon/dataset_metadata.h"
#include "data/energon/shapes_file.h"
#include "data/energon/split_shards.h"
#include "data/energon/tar_index.h"
#include "data/loader/blended_source.h"
#include "data/loader/indexed_folder.h"
#include "data/loader/metadataset.h"

namespace dfm::data {
namespace {

namespace fs = std::filesystem;

Metadataset folders_of(const fs::path& path, std::string_view split) {
  if (is_metadataset(path)) return read_metadataset(path, split);
  return {BlendMode::none, {{path, std::string(split), {}, {}, {}}}};
}

// The folder that holds both.
fs::path common_folder(const fs::path& a, const fs::path& b) {
  fs::path common;
  for (auto x = a.begin(), y = b.begin(); x != a.end() && y != b.end() && *x == *y; ++x, ++y) common /= *x;
  return common;
}

bool names_shards(const BlendedFolder& folder) {
  const Splits splits = read_splits(folder.folder, folder.split_file);
  const SplitPart* const part = splits.find(folder.split);
  return part != nullptr && !part->shards.empty();
}

}  // namespace

SampleSource energon_source(const fs::path& path, std::string_view split, const SourceSettings& settings) {
  if (is_metadataset(path)) return blended_source(read_metadataset(path, split), settings);
  const auto dataset = open_folder(path, split, {}, settings.copies);
  SampleSource source = source_of(runs_of(dataset), settings);
  source.text_width = text_width_of(*dataset);
  source.fingerprint = hex(dataset->fingerprint());
  return source;
}

SplitFiles files_of_splits(const fs::path& path, const std::vector<std::string>& splits) {
  std::vector<BlendedFolder> folders;
  for (const std::string& split : splits) {
    for (BlendedFolder& each : folders_of(path, split).folders) folders.push_back(std::move(each));
  }
  SplitFiles files{folders.front().folder, {}};
  for (const BlendedFolder& each : folders) files.root = common_folder(files.root, each.folder);
  std::set<fs::path> known;
  const auto add = [&](const fs::path& file) {
    files.names.push_back(file.lexically_relative(files.root).generic_string());
  };
  for (const BlendedFolder& each : folders) {  // first what is read first
    if (ShapesFile::exists(each.folder) && known.insert(each.folder / kShapesFile).second)
      add(each.folder / kShapesFile);
  }
  for (const BlendedFolder& each : folders) {
    for (const IndexedShard& shard : read_split(each.folder, each.split, each.split_file)) {
      if (!known.insert(shard.path).second) continue;
      add(tar_index_path(shard.path));
      add(shard.path);
    }
  }
  return files;
}

bool has_samples(const fs::path& path, std::string_view split) {
  if (is_metadataset(path)) {
    const auto splits = splits_of_metadataset(path);
    if (std::ranges::find(splits, split) == splits.end()) return false;
  }
  return std::ranges::any_of(folders_of(path, split).folders, names_shards);
}

}  // namespace dfm::data
