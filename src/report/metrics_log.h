// `metrics.jsonl`, written while a run trains: a line a record, each handed to the operating system at once.
//
//   MetricsLog log(folder / "metrics.jsonl", resumed_step);
//   log.append(TrainRecord{.iteration = step, .loss = loss});
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "report/metrics.h"

namespace dfm::report {

class MetricsLog {
 public:
  // Continues the file, or starts it where there is none. Lines of steps after resume_after_step, which a run
  // left that was killed after its last checkpoint, are cut off, as is a torn last line; those before stay
  // byte for byte. A new run gives 0, which keeps a validation before the first step; -1 keeps nothing.
  // Throws a storage error.
  MetricsLog(std::filesystem::path path, std::int64_t resume_after_step);

  void append(const Record& record);
  // What was appended survives a power failure. Throws a storage error.
  void make_durable() const;

 private:
  std::filesystem::path path_;
  std::ofstream file_;
};

// How many bytes of a metrics file belong to steps up to last_step: all complete lines before the first
// record of a later step.
std::size_t bytes_to_keep(std::string_view text, std::int64_t last_step);

}  // namespace dfm::report
