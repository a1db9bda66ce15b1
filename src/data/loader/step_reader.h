// Reads what one data-parallel rank computes in a step: its packs of samples. A step takes global_batch_size
// consecutive positions of the data order; which of them this rank reads follows from the token counts alone.
//
//   StepReader reader(source, settings);
//   const PlannedStep step = reader.plan(position);
//   ... reader.read(step.samples[i]), in any order, in several threads ...
//   StepBatch batch = reader.batch_of(step, samples);
//
// data/loader/prefetching_reader.h does so, ahead of time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "data/loader/balanced_order.h"
#include "data/loader/bucket_order.h"
#include "data/loader/packing.h"
#include "data/loader/quarantine.h"
#include "data/loader/sample.h"

namespace dfm::data {

struct StepReaderSettings {
  OrderSettings order;
  std::int64_t global_batch_size = 1;  // samples
  std::int64_t pack_capacity = 8000;   // tokens
  // How a step is divided into packs: plan_by_sample or plan_by_pack.
  Planner plan = plan_by_sample;
  // Other ways to share forward passes than packs take at most batch_samples of a class. With
  // Batching::buckets the samples of a bucket are gathered within bucket_window positions.
  Batching batching = Batching::packed;
  std::int64_t batch_samples = 1;
  std::int64_t bucket_window = 8192;
  // Tokens of a latent; throws for a shape that does not fit the model.
  std::function<std::int64_t(const SampleShape&)> tokens_of;
  // What a sample costs to compute, by which ranks are balanced: its tokens, unless somebody knows better.
  std::function<double(const SampleShape&)> cost_of;
  // Positions among which samples change places, so that steps cost about the same, too; 0: none do.
  std::int64_t balance_window = 0;
  std::size_t rank = 0;
  std::size_t ranks = 1;
};

// A sample with its global position, which keys its noise.
struct PositionedSample {
  std::int64_t position = 0;
  Sample sample;
  std::int64_t number = -1;  // in the source
};

struct BadSample {
  std::int64_t position = 0;
  std::int64_t number = -1;  // in the source
  std::string problem;
};

struct StepBatch {
  std::vector<std::vector<PositionedSample>> packs;
  std::int64_t planned_tokens = 0;  // of the whole step, over all ranks
  double fill = 0;                  // of the packs of all ranks: fill_ratio
  double imbalance = 0;             // of the ranks, in FLOPs
  std::vector<BadSample> bad;       // left out of the packs of this rank
  std::int64_t unwanted = 0;        // of this rank, left out, too: its source does not want them
};

// Gives the memory of a batch that is not needed any more to the batches that are being read.
void give_back(StepBatch batch);

// What this rank reads in a step.
struct PlannedSample {
  std::int64_t position = 0;
  std::int64_t number = 0;
  std::size_t pack = 0;
};

struct PlannedStep {
  std::vector<PlannedSample> samples;  // pack by pack
  std::size_t packs = 0;
  std::int64_t planned_tokens = 0;
  double fill = 0;       // of the packs of all ranks
  double imbalance = 0;  // of the ranks
};

// A sample, why there is none, or nothing where it is in quarantine or not wanted.
using ReadSample = std::variant<std::monostate, PositionedSample, BadSample>;

class StepReader {
 public:
  StepReader(SampleSource source, StepReaderSettings settings);

  // Throws a data error for a sample longer than a pack. Does not depend on the quarantine, which ranks learn
  // of at different times.
  PlannedStep plan(std::int64_t first_position);
  // May be called from several threads.
  ReadSample read(const PlannedSample& planned) const;
  // Samples that cannot be read are reported in `bad`; those in quarantine, and those that the source does
  // not want, are left out.
  StepBatch batch_of(const PlannedStep& step, std::vector<ReadSample> samples) const;

  // Not to be read any more.
  void leave_out(std::int64_t sample) { quarantine_->add(sample); }
  const Quarantine& quarantine() const { return *quarantine_; }

  std::int64_t global_batch_size() const { return settings_.global_batch_size; }
  const std::string& fingerprint() const { return source_.fingerprint; }

 private:
  // What is known of the samples of a step before any is read.
  struct Looked {
    std::vector<std::int64_t> samples, classes;
    SampleSizes sizes;
  };

  std::int64_t sample_at(std::int64_t position);
  // Samples of one class may share a pack.
  std::int64_t class_of(const SampleShape& shape, std::int64_t tokens) const;
  Looked look_at(std::int64_t first_position);
  StepPlan divide(const Looked& step) const;

  SampleSource source_;
  StepReaderSettings settings_;
  std::function<double(const SampleShape&)> cost_of_;
  SampleOrder order_;
  std::optional<BucketOrder> bucket_order_;
  std::optional<BalancedOrder> balanced_order_;
  std::unique_ptr<Quarantine> quarantine_ = std::make_unique<Quarantine>();
};

}  // namespace dfm::data
