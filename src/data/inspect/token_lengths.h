// How many tokens the samples of a data set have, for dfm_index --lengths: what packing works with.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "comm/group.h"
#include "core/progress.h"
#include "data/energon/shard_result.h"

namespace dfm::data {

struct LengthSettings {
  std::filesystem::path root;
  std::filesystem::path table;  // CSV of all samples; empty for none
  std::uint32_t patch_spatial = 2, patch_temporal = 1;
};

struct LengthReport {
  std::map<std::uint64_t, std::uint64_t> samples_by_tokens;
  std::uint64_t unknown = 0;    // whose tensors could not be read
  std::uint64_t not_whole = 0;  // whose latent is no whole number of patches
  bool stopped = false;

  std::uint64_t samples() const;  // with a length
  std::uint64_t tokens() const;
  // The smallest length that is not exceeded by this share of the samples.
  std::uint64_t quantile(double share) const;
};

struct LengthTools {
  ShapeReader read_shapes;
  ProgressStyle progress = ProgressStyle::silent;
};

// Collective; the report is complete on rank 0, which writes the table: shard, key, frames, height, width,
// tokens, text_rows, in the order of .info.json. A sample without a length has 0 tokens there.
LengthReport token_lengths(const LengthSettings& settings, const comm::Group& world,
                           const LengthTools& tools);

std::string lengths_text(const LengthReport& report);
std::string lengths_json(const LengthReport& report);

}  // namespace dfm::data
