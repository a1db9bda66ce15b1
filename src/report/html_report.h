// `report.html`: what a training run leaves to look at, one file that needs nothing else.
//
//   write_report(folder / "report.html", {.title = "DiT-S on cats",
//                                         .facts = {{"Model", "dit, 33,000,000 parameters"}, {"Ranks", "4"}},
//                                         .metrics = read_metrics(folder / "metrics.jsonl")});
//
// Every text is escaped, so captions may hold anything. Equal pages give equal bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "report/html.h"
#include "report/metrics.h"
#include "report/pictures.h"

namespace dfm::report {

struct PicturesOfStep {
  std::int64_t step = 0;
  std::vector<Picture> pictures;
};

struct ReportPage {
  std::string title = {};
  std::vector<Fact> facts = {};  // model, parameters, ranks, data, time, checkpoint, version, ...
  MetricsHistory metrics = {};
  std::vector<Picture> samples = {};                     // of the finished model
  std::vector<PicturesOfStep> validation_pictures = {};  // shown newest first
};

std::string render_report(const ReportPage& page);

// Durable. Throws a storage error, or a data error for a picture that is not PNG.
void write_report(const std::filesystem::path& path, const ReportPage& page);

}  // namespace dfm::report
