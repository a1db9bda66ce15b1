#include "train/schedule.h"

#include <cmath>
#include <numbers>

#include <fmt/core.h>

#include "core/error.h"

namespace dfm::train {

namespace {

// A rate that was lowered beside a recipe that says where the decay ends would rise to that.
void require_falling(const Schedule& schedule) {
  if (schedule.decay != Schedule::Decay::constant && schedule.lowest > schedule.peak) {
    throw usage_error(
        fmt::format("optimizer.min_lr = {} is above optimizer.lr = {}: the decay would raise it",
                    schedule.lowest, schedule.peak),
        "lower optimizer.min_lr, or give optimizer.min_lr=null for a tenth of the rate");
  }
  if (schedule.warmup_steps > 0 && schedule.warmup_start > schedule.peak) {
    throw usage_error(fmt::format("scheduler.lr_warmup_init = {} is above optimizer.lr = {}",
                                  schedule.warmup_start, schedule.peak),
                      "a warm-up rises: give a lower scheduler.lr_warmup_init");
  }
}

}  // namespace

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
  require_falling(result);
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
