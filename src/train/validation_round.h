// What a run does at a validation: the loss on the validation samples, and a picture of each prompt, told to
// the run's log.
//
//   const ValidationRound validation(config, trainer, groups, &source, log);   // log: rank 0 only
//   validation(step);
#pragma once

#include <cstdint>

#include "comm/rank_grid.h"
#include "config/config.h"
#include "data/loader/sample.h"
#include "train/pictures.h"
#include "train/run_log.h"
#include "train/trainer.h"
#include "train/validation.h"

namespace dfm::train {

// Cells of the samples' width: pictures are as large unless the configuration says otherwise. source: null
// where there are no validation samples.
std::int64_t latent_edge(const data::SampleSource* source);

class ValidationRound {
 public:
  // source: null where there are no validation samples; nothing is done then. All must outlive this.
  ValidationRound(const Config& config, const Trainer& trainer, const comm::GridGroups& groups,
                  const data::SampleSource* source, RunLog* log);

  // Collective.
  void operator()(std::int64_t step) const;
  // Collective. Whether a stop has cut short the one of this step, in an earlier start.
  bool is_missing(std::int64_t step) const;

 private:
  const Trainer& trainer_;
  const comm::GridGroups& groups_;
  const data::SampleSource* source_;
  RunLog* log_;
  ValidationSettings validation_;
  PictureSettings pictures_;
  diffusion::Objective objective_;
};

}  // namespace dfm::train
