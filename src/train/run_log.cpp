#include "train/run_log.h"

#include <algorithm>

#include <fmt/core.h>

#include "core/file.h"
#include "core/log.h"
#include "report/html_report.h"

namespace dfm::train {
namespace fs = std::filesystem;
namespace {

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

// The folder must exist before the members open their files in it.
RunLogSettings with_folder(RunLogSettings settings) {
  make_folder(settings.folder);
  return settings;
}

}  // namespace

RunLogSettings run_log_settings(const Config& config, ProgressStyle progress) {
  RunLogSettings settings;
  settings.folder = config.optional_text("logger.output").value_or(config.text("checkpoint.save"));
  settings.log_interval = config.integer("logger.log_interval");
  settings.train_iters = config.integer("train.train_iters");
  settings.global_batch_size = config.integer("train.global_batch_size");
  settings.prompts = config.texts("validation.prompts");
  settings.progress = progress;
  return settings;
}

std::string step_line(const StepResult& result, const RunLogSettings& settings, double seconds) {
  return fmt::format(
      "iteration {:>8}/{:>8} | consumed samples: {:>12} | elapsed time per iteration (ms): {:.1f} | "
      "learning rate: {:.6E} | global batch size: {:>5} | lm loss: {:.6E} | grad norm: {:.3f} | tokens per "
      "second: {:.0f} | pack fill: {:.1f} %",
      result.step, settings.train_iters, result.consumed_samples, seconds * 1000, result.learning_rate,
      settings.global_batch_size, result.loss, result.gradient_norm,
      static_cast<double>(result.tokens) / seconds, 100 * result.pack_fill);
}

RunLog::RunLog(RunLogSettings settings, std::int64_t resumed_step)
    : settings_(with_folder(std::move(settings))),
      metrics_(settings_.folder / "metrics.jsonl", resumed_step),
      events_(settings_.folder / "tensorboard", resumed_step + 1),
      progress_("Training", settings_.train_iters,
                settings_.progress == ProgressStyle::bar ? ProgressStyle::bar : ProgressStyle::silent) {
  progress_.advance(resumed_step);
}

void RunLog::step(const StepResult& result, double seconds) {
  metrics_.append(report::TrainRecord{.iteration = result.step,
                                      .consumed_samples = result.consumed_samples,
                                      .learning_rate = result.learning_rate,
                                      .loss = result.loss,
                                      .grad_norm = result.gradient_norm,
                                      .tokens = result.tokens,
                                      .pack_fill = result.pack_fill,
                                      .step_seconds = seconds,
                                      .gpu_bytes = result.gpu_bytes});
  const bool is_due = result.step % settings_.log_interval == 0 || result.step == 1;
  if (is_due) {
    events_.scalar("train/loss", result.loss, result.step);
    events_.scalar("train/learning_rate", result.learning_rate, result.step);
    events_.scalar("train/grad_norm", result.gradient_norm, result.step);
    events_.scalar("train/pack_fill", result.pack_fill, result.step);
    events_.scalar("train/tokens_per_second", static_cast<double>(result.tokens) / seconds, result.step);
  }
  if (is_due && result.gpu_bytes > 0)
    events_.scalar("train/gpu_bytes", static_cast<double>(result.gpu_bytes), result.step);
  if (is_due && settings_.progress == ProgressStyle::lines) {
    log::write(log::Level::info, step_line(result, settings_, seconds));
  }
  progress_.advance(1, fmt::format("loss {:.4f}", result.loss));
}

bool RunLog::has_validation(std::int64_t step) const {
  const auto history = report::read_metrics(settings_.folder / "metrics.jsonl");
  return std::ranges::find(history.validation, step, &report::ValidationRecord::iteration) !=
         history.validation.end();
}

void RunLog::validation(std::int64_t step, const ValidationResult& result) {
  metrics_.append(report::ValidationRecord{.iteration = step,
                                           .loss = result.loss,
                                           .losses_by_sigma = result.loss_at_sigma,
                                           .prompts = settings_.prompts});
  events_.scalar("validation/loss", result.loss, step);
  log::info("validation at iteration {} | loss: {:.6E}", step, result.loss);
}

fs::path RunLog::picture_path(std::int64_t step, std::size_t prompt) const {
  return settings_.folder / "validation" / fmt::format("step_{:07}_{:02}.png", step, prompt);
}

void RunLog::pictures(std::int64_t step, const std::vector<std::string>& pngs) {
  if (!pngs.empty()) make_folder(settings_.folder / "validation");
  for (std::size_t prompt = 0; prompt < pngs.size(); ++prompt) {
    write_durably(picture_path(step, prompt), pngs[prompt]);
    events_.image(fmt::format("validation/{}", settings_.prompts.at(prompt)), bytes_of(pngs[prompt]), step);
  }
}

void RunLog::write_report(const std::vector<report::Fact>& facts) const {
  report::ReportPage page{.title = "Training report",
                          .facts = facts,
                          .metrics = report::read_metrics(settings_.folder / "metrics.jsonl")};
  for (const auto& validation : page.metrics.validation) {
    report::PicturesOfStep of_step{validation.iteration, {}};
    // Another start may have drawn others.
    const auto& prompts = validation.prompts.empty() ? settings_.prompts : validation.prompts;
    for (std::size_t prompt = 0; prompt < prompts.size(); ++prompt) {
      const fs::path path = picture_path(validation.iteration, prompt);
      if (!fs::exists(path)) continue;
      const std::string png = read_text(path);
      const auto bytes = bytes_of(png);
      of_step.pictures.push_back({prompts[prompt], report::PngBytes{{bytes.begin(), bytes.end()}}});
    }
    if (!of_step.pictures.empty()) page.validation_pictures.push_back(std::move(of_step));
  }
  report::write_report(settings_.folder / "report.html", page);
}

}  // namespace dfm::train
