#include "data/energon/dataset_index.h"

#include <fmt/core.h>

#include "core/error.h"
#include "data/energon/shapes_file.h"

namespace dfm::data {
namespace {

namespace fs = std::filesystem;

std::string shapes_of(const fs::path& root, const std::vector<IndexedShard>& shards) {
  if (!ShapesFile::exists(root)) return {};
  const ShapesFile shapes = ShapesFile::open(root);
  for (const IndexedShard& shard : shards) {
    const ShapesOfShard* const entry = shapes.find(shard.name);
    if (entry != nullptr && entry->samples == shard.stored_samples() && entry->end_offset == shard.end_offset)
      continue;
    throw data_error(fmt::format("{}: the recorded shapes are of another {}", root.native(), shard.name),
                     "the shards changed: run dfm_index FOLDER again");
  }
  return shapes.front();
}

}  // namespace

DatasetIndex read_dataset_index(const fs::path& root, std::string_view split, std::string_view split_file) {
  DatasetIndex index{root, read_split(root, split, split_file), {}};
  index.shapes = shapes_of(root, index.shards);
  return index;
}

}  // namespace dfm::data
