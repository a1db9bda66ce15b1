#include "data/loader/source_index.h"

#include <algorithm>
#include <map>
#include <tuple>

#include <nlohmann/json.hpp>

#include "core/json.h"

namespace dfm::data {
namespace {

namespace fs = std::filesystem;
using Folders = std::vector<std::shared_ptr<const DatasetIndex>>;

Json as_json(const Subset& subset) {
  Json range = Json::array({subset.from, subset.to});
  if (subset.first) range.push_back(*subset.first);
  if (subset.last) range.push_back(*subset.last);
  return range;
}

Subset subset_from(const Json& range) {
  Subset subset{{}, {}, range.at(0), range.at(1)};
  if (range.size() > 2) subset.first = range.at(2).get<std::int64_t>();
  if (range.size() > 3) subset.last = range.at(3).get<std::int64_t>();
  return subset;
}

Json as_json(const BlendedFolder& folder) {
  Json subflavors = Json::array();
  for (const auto& [name, value] : folder.subflavors) subflavors.push_back(Json::array({name, value}));
  return Json::array({folder.folder.native(), folder.split, folder.split_file, as_json(folder.subset),
                      subflavors, folder.weight, folder.repetitions});
}

BlendedFolder blended_folder_from(const Json& fields) {
  BlendedFolder folder{fields.at(0).get<std::string>(),
                       fields.at(1),
                       fields.at(2),
                       subset_from(fields.at(3)),
                       {},
                       fields.at(5),
                       fields.at(6)};
  for (const Json& each : fields.at(4)) folder.subflavors.emplace(each.at(0), each.at(1));
  return folder;
}

Json as_json(const DatasetIndex& index) {
  Json shards = Json::array();
  for (const IndexedShard& shard : index.shards) {
    shards.push_back(
        Json::array({shard.name, shard.samples, shard.end_offset, shard.excluded, shard.state.size_bytes}));
  }
  return Json::array({index.root.native(), shards, index.shapes});
}

std::shared_ptr<const DatasetIndex> dataset_index_from(const Json& fields) {
  auto index = std::make_shared<DatasetIndex>();
  index->root = fields.at(0).get<std::string>();
  for (const Json& each : fields.at(1)) {
    const std::string name = each.at(0);
    index->shards.push_back({name,
                             index->root / name,
                             each.at(1),
                             each.at(2),
                             each.at(3).get<std::vector<std::uint64_t>>(),
                             {each.at(4)}});
  }
  index->shapes = fields.at(2);
  return index;
}

Json as_json(const std::optional<Metadataset>& blend) {
  if (!blend) return nullptr;
  Json folders = Json::array();
  for (const BlendedFolder& each : blend->folders) folders.push_back(as_json(each));
  return Json::array({static_cast<int>(blend->mode), folders});
}

std::optional<Metadataset> blend_from(const Json& fields) {
  if (fields.is_null()) return std::nullopt;
  Metadataset blend{static_cast<BlendMode>(fields.at(0).get<int>()), {}};
  for (const Json& each : fields.at(1)) blend.folders.push_back(blended_folder_from(each));
  return blend;
}

// Each once.
Folders different_ones(const Folders& folders) {
  Folders found;
  for (const auto& each : folders) {
    if (std::ranges::find(found, each) == found.end()) found.push_back(each);
  }
  return found;
}

}  // namespace

SourceIndex read_source_index(const fs::path& path, std::string_view split) {
  SourceIndex index;
  if (!is_metadataset(path)) {
    index.folders.push_back(std::make_shared<const DatasetIndex>(read_dataset_index(path, split)));
    return index;
  }
  index.blend = read_metadataset(path, split);
  std::map<std::tuple<std::string, std::string, std::string>, std::shared_ptr<const DatasetIndex>> known;
  for (const BlendedFolder& each : index.blend->folders) {
    auto& folder = known[{each.folder.native(), each.split, each.split_file}];
    if (folder == nullptr) {
      folder =
          std::make_shared<const DatasetIndex>(read_dataset_index(each.folder, each.split, each.split_file));
    }
    index.folders.push_back(folder);
  }
  return index;
}

// CBOR: names may hold any bytes.
std::string to_text(const SourceIndex& index) {
  const Folders folders = different_ones(index.folders);
  Json places = Json::array(), read = Json::array();
  for (const auto& each : index.folders) places.push_back(std::ranges::find(folders, each) - folders.begin());
  for (const auto& each : folders) read.push_back(as_json(*each));
  std::string text;
  Json::to_cbor(Json::array({as_json(index.blend), places, read}), text);
  return text;
}

SourceIndex source_index_from_text(const std::string& text) {
  const Json all = Json::from_cbor(text);
  SourceIndex index{blend_from(all.at(0)), {}};
  Folders folders;
  for (const Json& each : all.at(2)) folders.push_back(dataset_index_from(each));
  for (const Json& place : all.at(1)) index.folders.push_back(folders.at(place.get<std::size_t>()));
  return index;
}

}  // namespace dfm::data
