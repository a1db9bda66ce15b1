// Learning rate by step (spec/dfm.md section 5.2): linear warm-up, then cosine, linear or no decay.
#pragma once

#include <cstdint>

#include "config/config.h"

namespace dfm::train {

struct Schedule {
  enum class Decay { cosine, linear, constant };
  double peak = 0.9e-4;
  double lowest = 0.9e-5;
  double warmup_start = 0;
  std::int64_t warmup_steps = 2000;
  std::int64_t decay_end = 10000;
  Decay decay = Decay::cosine;
};

Schedule schedule(const Config& config);

// The rate after `steps_done` steps, which is the rate of step steps_done + 1.
double learning_rate(const Schedule& schedule, std::int64_t steps_done);

}  // namespace dfm::train
