// An indexed folder (data/energon) as a part of a source: its samples of one split, or a range of them, in a
// row.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/energon/indexed_dataset.h"
#include "data/loader/sample.h"
#include "data/loader/source_settings.h"

namespace dfm::data {

// Consecutive samples of one shard.
struct ShardRun {
  std::shared_ptr<const IndexedDataset> dataset;
  std::size_t shard = 0;
  std::uint64_t first = 0;
  std::int64_t samples = 0;
};

// Opens a folder that dfm_index or energon prepare indexed. Warns where no shapes are recorded.
std::shared_ptr<const IndexedDataset> open_folder(const DatasetIndex& index, const NearbyCopies& copies);

// Width of the rows of text: of all samples as dfm_index recorded it, else of the first one.
std::int64_t text_width_of(const IndexedDataset& dataset);

// The samples [begin, end) of the split.
std::vector<ShardRun> runs_of(const std::shared_ptr<const IndexedDataset>& dataset, std::int64_t begin,
                              std::int64_t end);
std::vector<ShardRun> runs_of(const std::shared_ptr<const IndexedDataset>& dataset);

// The samples of the runs, numbered one after the other.
SampleSource source_of(std::vector<ShardRun> runs, const SourceSettings& settings);

}  // namespace dfm::data
