// The training data's copies on this node, as stage.mode asks for them.
#pragma once

#include <memory>

#include "comm/group.h"
#include "config/config.h"
#include "data/loader/nearby_copies.h"
#include "stage/staging.h"
#include "train/data_sources.h"

namespace dfm::train {

// Collective. Null without staging. With stage.mode=broadcast everything is there, unless a rank was asked to
// stop, which the caller looks for; with partition copies go on arriving.
std::unique_ptr<stage::Staging> start_staging(const Config& config, const comm::Group& world,
                                              const DataIndex& index);

// The copies may be null; they must outlive what reads them.
data::NearbyCopies nearby_copies(stage::Staging* staging);

}  // namespace dfm::train
