// What indexing a folder came to, for the program to print.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/error.h"
#include "data/energon/dataset_metadata.h"
#include "data/energon/shard_discovery.h"

namespace dfm::data {

struct SplitSummary {
  std::string name;
  std::uint64_t shards = 0;
  std::uint64_t samples = 0;
};

struct IndexReport {
  bool stopped = false;  // asked to stop before the end: no metadata was written

  std::vector<ShardCount> shards;
  std::uint64_t samples = 0;
  std::uint64_t shards_read = 0;  // the others had not changed since the last run
  std::vector<SkippedShard> skipped;
  std::vector<SplitSummary> splits;
  std::vector<std::string> extensions;  // of the parts of the samples
  std::vector<std::string> warnings;
  std::vector<std::string> kept_files;  // that existed and were not replaced
  std::uint64_t lost_bytes = 0;         // of damaged shards

  bool has_shapes = false;  // dfm_shapes.bin was written
  std::uint32_t text_width = 0;
  std::uint64_t samples_without_shape = 0;

  ExitCode exit_code() const {
    if (stopped) return ExitCode::stopped;
    const bool is_partial = !skipped.empty() || lost_bytes > 0 || samples_without_shape > 0;
    return is_partial ? ExitCode::partial : ExitCode::done;
  }
};

}  // namespace dfm::data
