// From a configuration to the samples of a run.
#pragma once

#include <optional>

#include "comm/group.h"
#include "config/config.h"
#include "data/loader/energon_source.h"
#include "data/loader/nearby_copies.h"
#include "data/loader/sample.h"

namespace dfm::train {

// What is read of the data before any sample.
struct DataIndex {
  std::optional<data::SourceIndex> training;    // empty with dataset.mock
  std::optional<data::SourceIndex> validation;  // where it has a split of its own
};

DataIndex read_data_index(const Config& config);
// Collective. Rank 0 reads it for all, so that any number of ranks asks the file system once.
DataIndex shared_data_index(const Config& config, const comm::Group& world);

// The training samples: dataset.path, or made-up ones with dataset.mock.
data::SampleSource training_source(const Config& config, const DataIndex& index,
                                   const data::NearbyCopies& copies = {});
// The validation samples, whatever their score; empty where there are none.
std::optional<data::SampleSource> validation_source(const Config& config, const DataIndex& index,
                                                    const data::NearbyCopies& copies = {});

// The files whose copies these sources would read.
data::SourceFiles files_to_stage(const DataIndex& index);

}  // namespace dfm::train
