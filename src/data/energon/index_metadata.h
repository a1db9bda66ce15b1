// Writes .nv-meta/ for shards that are indexed. One process does this.
#pragma once

#include "data/energon/index_report.h"
#include "data/energon/index_settings.h"

namespace dfm::data {

// Creates .nv-meta/ and refuses a split file that would be kept but cannot be read, before the long work
// begins.
void prepare_meta_folder(const IndexSettings& settings);

// Writes .info.json (and .info.yaml where there is one), then split.yaml and dataset.yaml unless they exist
// and are kept, each durably. Takes report.shards; fills in its splits, kept_files and, with the numbers, the
// warnings: shards that rounding leaves in no split, splits that get none, a kept split that no longer fits.
void write_metadata(const IndexSettings& settings, IndexReport& report);

}  // namespace dfm::data
