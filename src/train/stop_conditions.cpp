#include "train/stop_conditions.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/core.h>

#include "core/error.h"
#include "core/stop_token.h"

namespace dfm::train {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kRecentSteps = 32;
constexpr std::chrono::seconds kBetweenLooks(1);

// A file system that does not answer is no reason to stop.
bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

}  // namespace

StopSettings stop_settings(const Config& config) {
  StopSettings settings;
  settings.halt_file =
      config.optional_text("train.halt_file").value_or(fs::path(config.text("checkpoint.save")) / "HALT");
  if (!config.is_null("train.exit_duration_in_mins")) {
    settings.minutes = config.real("train.exit_duration_in_mins");
  }
  settings.margin_seconds = config.real("train.stop_margin_seconds");
  return settings;
}

StopConditions::StopConditions(StopSettings settings, std::optional<Wall::time_point> job_end)
    : settings_(std::move(settings)), job_end_(job_end) {
  if (!is_there(settings_.halt_file)) return;
  throw usage_error(
      fmt::format("the file {} says that this run is to stand still", settings_.halt_file.native()),
      "remove it and start again");
}

void StopConditions::note_step(double seconds) {
  recent_steps_.push_back(seconds);
  if (recent_steps_.size() > kRecentSteps) recent_steps_.pop_front();
}

double StopConditions::seconds_left() const {
  if (!job_end_) return std::numeric_limits<double>::infinity();
  return std::chrono::duration<double>(*job_end_ - Wall::now()).count();
}

bool StopConditions::halt_file_is_there() {
  const auto now = Steady::now();
  if (now - looked_for_file_ < kBetweenLooks) return false;
  looked_for_file_ = now;
  return is_there(settings_.halt_file);
}

void StopConditions::check(bool validates) {
  // The token that is set now ends the run after the step that is next; without it, the one after that is the
  // earliest.
  const double step = recent_steps_.empty() ? 0 : *std::ranges::max_element(recent_steps_);
  const double needed = 2 * step + save_seconds_ + (validates ? validation_seconds_ : 0);
  const double seconds_run = std::chrono::duration<double>(Steady::now() - started_).count();
  if (seconds_left() < needed + settings_.margin_seconds) StopToken::request("the Slurm time limit");
  if (settings_.minutes && *settings_.minutes * 60 - seconds_run < needed) {
    StopToken::request("train.exit_duration_in_mins");
  }
  if (halt_file_is_there()) StopToken::request("the HALT file");
}

}  // namespace dfm::train
