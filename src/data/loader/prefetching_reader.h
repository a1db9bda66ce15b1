// Reads the steps of a rank ahead of time, with several threads.
//
//   PrefetchingReader reader(StepReader(source, settings), {.threads = 2, .steps = 2});
//   StepBatch batch = reader.take(position);      // the next steps are read meanwhile
//
// What it gives is what StepReader gives, whatever the threads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/loader/step_reader.h"

namespace dfm::data {

struct ReadAhead {
  std::size_t threads = 1;
  std::size_t steps = 1;  // beyond the one that is asked for
};

class PrefetchingReader {
 public:
  explicit PrefetchingReader(StepReader reader, ReadAhead ahead = {});
  PrefetchingReader(PrefetchingReader&&) noexcept;
  PrefetchingReader& operator=(PrefetchingReader&&) noexcept;
  // Waits for the samples that are being read.
  ~PrefetchingReader();

  // The batch of the step that begins at a position; consecutive ones are fast.
  StepBatch take(std::int64_t first_position);

  // Samples that later batches shall be without, also those that are being read.
  void leave_out(std::span<const std::int64_t> samples);
  std::vector<std::int64_t> left_out() const;

  std::int64_t global_batch_size() const;
  const std::string& fingerprint() const;

 private:
  class Pool;
  std::unique_ptr<Pool> pool_;  // at a fixed address: its threads use it
};

}  // namespace dfm::data
