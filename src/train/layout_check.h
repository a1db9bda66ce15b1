// Whether a model can be computed by a grid of ranks at all, asked before anything is allocated.
#pragma once

#include "comm/rank_grid.h"
#include "model/backbone.h"

namespace dfm::train {

// Throws a usage error with the arithmetic and the nearest layout that works.
void require_fitting_layout(const model::BackboneSpec& model, const comm::RankGrid& grid);

}  // namespace dfm::train
