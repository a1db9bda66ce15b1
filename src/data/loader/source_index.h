// What is read of a source's files before its samples: the metadatasets, and the index of each folder. Many
// ranks read the same ones; one reads them for all, so that a file system that they share is asked once:
//
//   std::string text = rank == 0 ? to_text(read_source_index(path, "train")) : "";
//   broadcast(text);
//   const SampleSource source = energon_source(source_index_from_text(text));
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/energon/dataset_index.h"
#include "data/loader/metadataset.h"

namespace dfm::data {

struct SourceIndex {
  std::optional<Metadataset> blend;  // of a metadataset
  // Of its folders, in their order (of one that is named more than once, the same), or of the only one.
  std::vector<std::shared_ptr<const DatasetIndex>> folders;
};

// path: a prepared folder, or a metadataset. Throws a data error when a folder is not indexed or its split is
// empty.
SourceIndex read_source_index(const std::filesystem::path& path, std::string_view split);

// Of the state of the shards only their sizes: inodes and times may differ between nodes.
std::string to_text(const SourceIndex& index);
SourceIndex source_index_from_text(const std::string& text);

}  // namespace dfm::data
