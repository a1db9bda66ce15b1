// What the journal of a run (report/journal.h) says about a start, its light last save and its end.
#pragma once

#include <cstdint>
#include <exception>
#include <filesystem>
#include <string>

#include "ckpt/export/export.h"
#include "comm/group.h"
#include "comm/topology.h"
#include "core/error.h"
#include "report/journal.h"

namespace dfm::train {

struct Start {
  std::int64_t step = 0;     // finished before
  std::string resumed_from;  // the checkpoint's folder; empty: from the beginning
  std::string grid;          // of ranks, in words
};

void record_start(report::Journal& journal, const comm::Topology& topology, const Start& start);

// The light last save.
struct SamplingWeights {
  std::filesystem::path checkpoint;  // that they come from
  std::filesystem::path file;
  ckpt::ExportReport report;
};

void record_sampling_weights(report::Journal& journal, const SamplingWeights& weights);

// Collective. journal: null on all ranks but 0.
void record_stop(report::Journal* journal, const comm::Group& world, ExitCode code);

// On every rank, with the failure that ends it: rank 0 records what all agreed on, a rank that fails alone
// records for itself. A run that had no folder yet gets none for its failure.
void record_failure(report::Journal& journal, const comm::Group& world, const std::exception_ptr& failure);

}  // namespace dfm::train
