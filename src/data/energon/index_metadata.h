// Writes .nv-meta/ for shards that are indexed. One process does this.
#pragma once

#include "data/energon/dataset_metadata.h"
#include "data/energon/index_report.h"
#include "data/energon/index_settings.h"

namespace dfm::data {

// Creates .nv-meta/ and refuses a split file that would be kept but cannot be read, before the long work
// begins.
void prepare_meta_folder(const IndexSettings& settings);

// Writes .info.json (and .info.yaml where there is one), then split.yaml unless it exists and is kept, each
// durably. Takes report.shards; fills in its splits, kept_files and, with the numbers, the warnings: shards
// that rounding or patterns leave in no split, splits that get none, a kept split that no longer fits.
void write_metadata(const IndexSettings& settings, IndexReport& report);

// Writes dataset.yaml unless it exists and is kept, and sample_loader.py where that is needed. Adds to
// kept_files and warnings: fields of a map whose parts no sample has.
void write_dataset_yaml(const IndexSettings& settings, IndexReport& report);

// How many of these shards and samples each split has.
std::vector<SplitSummary> summarise_splits(const Splits& splits, const std::vector<ShardCount>& shards);

// What --tar-index-only touches: the modes of index.sqlite and index.uuid, and an .info.json from an
// .info.yaml that is alone.
void write_index_only_metadata(const IndexSettings& settings, const IndexReport& report);

}  // namespace dfm::data
