// The numbers of a training run, a record a step or a validation, and their form as lines of `metrics.jsonl`:
//
//   {"kind":"train","iteration":10,"consumed_samples":320,"lr":0.0001,"loss":0.42,"grad_norm":1.5,
//    "tokens":8192,"pack_fill":0.93,"step_seconds":0.25}   (all in one line)
//   {"kind":"validation","iteration":10,"loss":0.5,"losses_by_sigma":{"0.3":0.1,"2.0":0.9},
//    "prompts":["a cat"]}   (where pictures were drawn)
//
// Numbers read back to the same bits; what is not finite becomes null, and null reads as NaN. What differs
// between two equal runs (time) comes last in its line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace dfm::report {

struct TrainRecord {
  std::int64_t iteration = 0;         // steps taken, this one included
  std::int64_t consumed_samples = 0;  // since the start of the training, over all ranks
  double learning_rate = 0;
  double loss = 0;
  double grad_norm = 0;
  std::int64_t tokens = 0;  // of this step, over all ranks
  double pack_fill = 0;     // share of the room in packs that is used; 0 in records that do not say
  double step_seconds = 0;
  std::int64_t gpu_bytes =
      0;  // the most that tensors took of rank 0's GPU so far; 0, and left out, without one

  bool operator==(const TrainRecord&) const = default;
};

struct ValidationRecord {
  std::int64_t iteration = 0;
  double loss = 0;
  std::map<double, double> losses_by_sigma = {};  // noise level -> loss; may be empty
  std::vector<std::string> prompts = {};          // of the pictures that were drawn, in their order

  bool operator==(const ValidationRecord&) const = default;
};

// Infinite where no time was taken.
double tokens_per_second(const TrainRecord& record);

using Record = std::variant<TrainRecord, ValidationRecord>;

// Without the line break.
std::string to_json_line(const Record& record);

// Empty when the line is not a record.
std::optional<Record> parse_json_line(std::string_view line);

struct MetricsHistory {
  std::vector<TrainRecord> train;
  std::vector<ValidationRecord> validation;
};

// The whole file. Lines that are not records (the torn last line of a killed run) are left out, with a
// warning in the log when they are complete. Throws a storage error when the file cannot be read.
MetricsHistory read_metrics(const std::filesystem::path& path);

}  // namespace dfm::report
