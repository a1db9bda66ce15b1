// How much memory a pass of a network takes, found out with one and two of its blocks and few tokens: what is
// kept grows linearly with both. Parameters are zeros that nothing is written to, so that they take no
// memory.
#pragma once

#include <cstdint>

#include "config/config.h"

namespace dfm::train {

// Bytes that a forward pass keeps, or that it takes at most beside them, for a pack.
struct ActivationBytes {
  double fixed = 0, per_token = 0, per_block = 0, per_block_and_token = 0;

  double of(double blocks, double tokens) const {
    return fixed + per_token * tokens + blocks * (per_block + per_block_and_token * tokens);
  }
};

struct ProbedActivations {
  ActivationBytes kept;       // until the backward pass, without recomputing whole blocks
  ActivationBytes transient;  // beside what is kept, at the worst moment
};

// text_rows: of a pack. dtype and selective recomputation as configured.
ProbedActivations probe_activations(const Config& config, std::int64_t text_rows);

}  // namespace dfm::train
