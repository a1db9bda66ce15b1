// Writes fixed event files and pages for the tests of tests/interop, which read them with other people's
// programs.
//
//   event_tool events FOLDER    a run that is killed after step 8, and its second part, resumed after step 5
//   event_tool report FILE      a report with curves, pictures and hostile texts
//   event_tool empty FILE       a report of a run that recorded nothing
//   event_tool gallery FILE     a gallery
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <map>
#include <string>
#include <string_view>

#include "report/event_writer.h"
#include "report/gallery.h"
#include "report/html_report.h"
#include "unit/report/small_png.h"

namespace {

using namespace dfm::report;

constexpr std::string_view kHostile = "<script>alert(\"1\")</script> & 'quoted' \x01 </figure>";

double loss_at(std::int64_t step) { return 1.0 / 3 / static_cast<double>(step); }

void write_part(const std::string& folder, std::int64_t first_step, std::int64_t last_step, double offset) {
  EventWriter events(folder, first_step);
  for (std::int64_t step = first_step; step <= last_step; ++step) {
    events.scalar("train/loss", loss_at(step) + offset, step);
    if (step % 2 == 0) events.scalar("validation/loss", 2 * loss_at(step) + offset, step);
    if (step % 4 == 0) events.image("validation/sample", small_png(), step);
  }
}

// The first part's numbers are off by 100, so that what TensorBoard should have forgotten can be told.
void write_events(const std::string& folder) {
  write_part(folder, 1, 8, 100);
  write_part(folder, 6, 10, 0);
}

MetricsHistory metrics() {
  MetricsHistory history;
  for (std::int64_t step = 1; step <= 2000; ++step) {
    const double noise = std::sin(static_cast<double>(step * step));
    history.train.push_back({.iteration = step,
                             .consumed_samples = 32 * step,
                             .learning_rate = 1e-4 * std::min(1.0, static_cast<double>(step) / 200),
                             .loss = 0.1 + std::exp(-static_cast<double>(step) / 300) + 0.02 * noise,
                             .grad_norm = std::exp(noise),
                             .tokens = 65536,
                             .step_seconds = 0.25 + 0.02 * noise});
    if (step % 250 == 0) history.validation.push_back({step, 0.2, {{0.3, 0.1}, {2, 0.3}}});
  }
  return history;
}

void write_page(const std::string& path) {
  write_report(path, {.title = std::string(kHostile),
                      .facts = {{std::string(kHostile), std::string(kHostile)}, {"Ranks", "4"}},
                      .metrics = metrics(),
                      .samples = {{std::string(kHostile), PngBytes{small_png()}}},
                      .validation_pictures = {{250, {{"a cat", PngBytes{small_png()}}}},
                                              {500, {{"a cat", PngBytes{small_png()}}}}}});
}

void write_pictures(const std::string& path) {
  write_gallery(path, {.title = "Samples",
                       .facts = {{"Sampler", std::string(kHostile)}},
                       .pictures = {{std::string(kHostile), PngBytes{small_png()}},
                                    {"a video", FileBesidePage{"a b/0\"0.mp4"}},
                                    {"a file", FileBesidePage{"javascript:alert(1)"}}}});
}

}  // namespace

int main(int argc, char** argv) {
  const std::map<std::string, void (*)(const std::string&)> tasks{
      {"events", write_events},
      {"report", write_page},
      {"empty", [](const std::string& path) { write_report(path, {.title = "Nothing"}); }},
      {"gallery", write_pictures}};
  const auto task = argc == 3 ? tasks.find(argv[1]) : tasks.end();
  if (task == tasks.end()) {
    std::cerr << "usage: event_tool events|report|empty|gallery PATH\n";
    return 2;
  }
  task->second(argv[2]);
}
