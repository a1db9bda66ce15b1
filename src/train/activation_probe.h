// How much memory a pass of a network takes, found out with one and two of its blocks and few tokens: what is
// kept grows linearly with both, and with the samples, each with its text. Parameters are zeros that nothing
// is written to, so that they take no memory.
#pragma once

#include <cstdint>

#include "config/config.h"

namespace dfm::train {

// Linear in what a pack holds.
struct BytesOfPack {
  double fixed = 0, per_token = 0, per_sample = 0;

  double of(double tokens, double samples) const { return fixed + per_token * tokens + per_sample * samples; }
};

// Bytes that a forward pass keeps, or that it takes at most beside them, for a pack.
struct ActivationBytes {
  BytesOfPack ends, block;

  double of(double blocks, double tokens, double samples) const {
    return ends.of(tokens, samples) + blocks * block.of(tokens, samples);
  }
};

struct ProbedActivations {
  ActivationBytes kept;       // until the backward pass, without recomputing whole blocks
  ActivationBytes transient;  // beside what is kept, at the worst moment
};

// text_rows: of a sample. dtype and selective recomputation as configured.
ProbedActivations probe_activations(const Config& config, std::int64_t text_rows);

}  // namespace dfm::train
