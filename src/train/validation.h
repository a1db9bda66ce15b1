// Validation: the loss on the validation split at fixed noise levels with fixed noise, so that two
// checkpoints differ by their weights only; and, where prompts are given, a picture of each.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "comm/rank_grid.h"
#include "config/config.h"
#include "data/loader/sample.h"
#include "train/trainer.h"

namespace dfm::train {

struct ValidationSettings {
  std::int64_t samples = 256;         // at most
  std::int64_t pack_capacity = 8000;  // tokens
  std::uint64_t seed = 1234;
};

ValidationSettings validation_settings(const Config& config);

struct ValidationResult {
  double loss = 0;
  std::map<double, double> loss_at_sigma;
};

// Collective. The data-parallel ranks divide the samples. Sample i is judged at level i modulo the
// number of levels. Throws on every rank, an error of kind `stopped`, when any rank is asked to stop
// meanwhile.
ValidationResult validate(const model::Backbone& backbone, const data::SampleSource& source,
                          const ValidationSettings& settings, const diffusion::Objective& objective,
                          const comm::GridGroups& groups);

}  // namespace dfm::train
