// A network that ranks share, as one that takes whole packs and gives whole packs back on every rank: for
// sampling, which works on the output.
#pragma once

#include "model/backbone.h"

namespace dfm::model {

// The ranks that share the network call forward together, with the same input. Without gradients.
Backbone on_whole_packs(const Backbone& network, const nn::ModelParallel& parallel);

}  // namespace dfm::model
