// Reads what one data-parallel rank computes in a step: its packs of samples. A step takes global_batch_size
// consecutive positions of the data order; which of them this rank reads follows from the token counts alone.
//
//   PrefetchingReader reader(StepReader(source, settings));
//   StepBatch batch = reader.take(position);      // the next step is read meanwhile
#pragma once

#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "data/loader/packing.h"
#include "data/loader/sample.h"

namespace dfm::data {

struct StepReaderSettings {
  OrderSettings order;
  std::int64_t global_batch_size = 1;  // samples
  std::int64_t pack_capacity = 8000;   // tokens
  // How a step is divided into packs: plan_by_sample or plan_by_pack.
  StepPlan (*plan)(const std::vector<std::int64_t>&, std::int64_t, std::size_t) = plan_by_sample;
  // Tokens of a latent; throws for a shape that does not fit the model.
  std::function<std::int64_t(const SampleShape&)> tokens_of;
  std::size_t rank = 0;
  std::size_t ranks = 1;
};

// A sample with its global position, which keys its noise.
struct PositionedSample {
  std::int64_t position = 0;
  Sample sample;
};

struct BadSample {
  std::int64_t position = 0;
  std::string problem;
};

struct StepBatch {
  std::vector<std::vector<PositionedSample>> packs;
  std::int64_t planned_tokens = 0;  // of the whole step, over all ranks
  std::vector<BadSample> bad;       // left out of the packs of this rank
};

class StepReader {
 public:
  StepReader(SampleSource source, StepReaderSettings settings);

  // Throws a data error for a sample longer than a pack. Samples that cannot be read are reported in `bad`.
  StepBatch read(std::int64_t first_position);

  std::int64_t global_batch_size() const { return settings_.global_batch_size; }

 private:
  SampleSource source_;
  StepReaderSettings settings_;
  SampleOrder order_;
};

// Reads one step ahead in a thread of its own.
class PrefetchingReader {
 public:
  explicit PrefetchingReader(StepReader reader);

  // The batch of the step that begins at a position; consecutive ones are fast.
  StepBatch take(std::int64_t first_position);

  std::int64_t global_batch_size() const { return reader_->global_batch_size(); }

 private:
  void start(std::int64_t first_position);

  std::unique_ptr<StepReader> reader_;  // at a fixed address: the thread uses it
  std::int64_t ahead_position_ = -1;
  std::future<StepBatch> ahead_;
};

}  // namespace dfm::data
