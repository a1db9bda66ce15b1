// Whether an index still says what the shards hold, for dfm_index --verify.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "comm/group.h"
#include "core/progress.h"
#include "data/energon/shard_result.h"

namespace dfm::data {

struct CheckTools {
  ShapeReader read_shapes;
  ProgressStyle progress = ProgressStyle::silent;
};

struct CheckReport {
  std::uint64_t shards = 0, samples = 0, parts = 0, tensors = 0;
  std::uint64_t bytes = 0;            // that were read or passed over in the shards
  std::vector<std::string> findings;  // what is wrong, in the order of the shards; at most 20 of a shard
  bool stopped = false;
};

// Collective; the report is complete on rank 0. All ranks read shards: every header with its checksum,
// compared with .tar.idx, .info.json, index.sqlite, and dfm's records of sizes, shapes and hashes; every
// latent of torch.save with its checksums. Rank 0 looks for files that are missing and compares the files of
// the data set with each other. Throws where the folder is not indexed.
CheckReport check_dataset(const std::filesystem::path& root, const comm::Group& world,
                          const CheckTools& tools);

std::string check_text(const CheckReport& report);
std::string check_json(const CheckReport& report);

}  // namespace dfm::data
