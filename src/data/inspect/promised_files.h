// Files that an index promises to have, for dfm_index --verify: without them nothing of theirs is compared.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/energon/dataset_metadata.h"

namespace dfm::data {

// What is missing, and what says that it should be there. index.sqlite is promised by index.uuid and by dfm's
// records of shards, dfm_shapes.bin by those that found tensors; older Energons made neither.
std::vector<std::string> missing_files(const std::filesystem::path& root, const DatasetInfo& info);

}  // namespace dfm::data
