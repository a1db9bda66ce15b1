#include "train/schedule.h"

#include <cmath>
#include <numbers>

namespace dfm::train {

Schedule schedule(const Config& config) {
  Schedule result;
  result.peak = config.real("optimizer.lr");
  result.lowest = config.optional_real("optimizer.min_lr").value_or(result.peak / 10);
  result.warmup_start = config.real("scheduler.lr_warmup_init");
  result.warmup_steps = config.integer("scheduler.lr_warmup_iters");
  result.decay_end =
      config.optional_integer("scheduler.lr_decay_iters").value_or(config.integer("train.train_iters"));
  const std::string& style = config.text("scheduler.lr_decay_style");
  result.decay = style == "cosine"   ? Schedule::Decay::cosine
                 : style == "linear" ? Schedule::Decay::linear
                                     : Schedule::Decay::constant;
  return result;
}

double learning_rate(const Schedule& schedule, std::int64_t steps_done) {
  const auto n = static_cast<double>(steps_done), warmup = static_cast<double>(schedule.warmup_steps);
  if (schedule.warmup_steps > 0 && steps_done <= schedule.warmup_steps) {
    return schedule.warmup_start + (schedule.peak - schedule.warmup_start) * n / warmup;
  }
  if (schedule.decay == Schedule::Decay::constant) return schedule.peak;
  if (steps_done > schedule.decay_end) return schedule.lowest;
  const double share = (n - warmup) / (static_cast<double>(schedule.decay_end) - warmup);
  const double height =
      schedule.decay == Schedule::Decay::cosine ? 0.5 * (1 + std::cos(std::numbers::pi * share)) : 1 - share;
  return schedule.lowest + height * (schedule.peak - schedule.lowest);
}

}  // namespace dfm::train
