// What a run tells: log lines, metrics.jsonl, TensorBoard events, and report.html with its pictures. Rank 0
// has one; the other ranks have none.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "config/config.h"
#include "core/progress.h"
#include "report/event_writer.h"
#include "report/html.h"
#include "report/metrics_log.h"
#include "train/trainer.h"
#include "train/validation.h"

namespace dfm::train {

struct RunLogSettings {
  std::filesystem::path folder;
  std::int64_t log_interval = 10;
  std::int64_t train_iters = 0;
  std::int64_t global_batch_size = 0;
  std::vector<std::string> prompts;  // captions of the validation pictures
  ProgressStyle progress = ProgressStyle::lines;
};

RunLogSettings run_log_settings(const Config& config, ProgressStyle progress);

class RunLog {
 public:
  // Cuts what a killed run wrote after `resumed_step`.
  RunLog(RunLogSettings settings, std::int64_t resumed_step);

  void step(const StepResult& result, double seconds);
  // Before a checkpoint is begun: whoever goes on from it finds the losses up to there, even after a power
  // failure.
  void make_steps_durable() const { metrics_.make_durable(); }
  bool has_validation(std::int64_t step) const;
  void validation(std::int64_t step, const ValidationResult& result);
  // One PNG a prompt.
  void pictures(std::int64_t step, const std::vector<std::string>& pngs);

  // report.html from everything that is in the folder.
  void write_report(const std::vector<report::Fact>& facts) const;

 private:
  std::filesystem::path picture_path(std::int64_t step, std::size_t prompt) const;

  RunLogSettings settings_;
  report::MetricsLog metrics_;
  report::EventWriter events_;
  Progress progress_;
};

// The words of the reference's log line (spec/dfm.md section 9.2).
std::string step_line(const StepResult& result, const RunLogSettings& settings, double seconds);

}  // namespace dfm::train
