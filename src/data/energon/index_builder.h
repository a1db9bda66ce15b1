// Makes a folder of shards an Energon data set: a .tar.idx beside each shard and the files in .nv-meta/, as
// `energon prepare --sample-type CrudeWebdataset` makes them, and dfm's own table of sample shapes.
//
//   const IndexReport report =
//       build_index(index_settings(config), world, {.read_shapes = reader, .progress = style});
#pragma once

#include <functional>
#include <vector>

#include "comm/group.h"
#include "core/progress.h"
#include "data/energon/index_report.h"
#include "data/energon/index_settings.h"
#include "data/energon/shard_result.h"

namespace dfm::data {

// A person who is asked on the way: rank 0 calls both, and they may change the settings.
struct IndexDialog {
  std::function<void(const Discovery&, IndexSettings&)> after_discovery = {};
  // Shards and splits are written; dataset.yaml is not.
  std::function<void(const IndexReport&, IndexSettings&)> after_indexing = {};
};

struct IndexTools {
  ShapeReader read_shapes = {};  // without one, no table of shapes is written
  ProgressStyle progress = ProgressStyle::silent;
  IndexDialog dialog = {};
};

// Collective. The ranks scan different shards, rank 0 writes the metadata. The report is complete on rank 0;
// the other ranks lack splits and kept_files and some warnings, and know all that decides the exit code.
//
// Shards that are damaged are left out of the metadata and reported. Running it again is fine: shards whose
// size and time are those of the last run are not read again (settings.rescan reads them), an existing split
// file and dataset.yaml are kept unless settings.force_overwrite. Asked to stop, it does so between two
// shards and writes no metadata. Throws on all ranks: a data error when there is no shard that can be
// indexed, when a key comes twice, or when the widths of the text embeddings differ; a storage error where a
// file cannot be written.
IndexReport build_index(IndexSettings settings, const comm::Group& world, const IndexTools& tools);

// The rank that indexes each shard: the largest first, each to the rank that has the fewest bytes so far.
std::vector<int> deal_shards(const std::vector<ShardFile>& shards, int ranks);

}  // namespace dfm::data
