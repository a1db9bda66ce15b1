// What an earlier run left in the output folder, as rank 0 finds it and all ranks know it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "comm/group.h"
#include "media/source.h"
#include "prepare/output_folder.h"
#include "prepare/prepare.h"
#include "prepare/work_plan.h"

namespace dfm::prepare {

struct Found {
  std::vector<bool> finished;  // by shard
  std::vector<ItemRange> parts;
  std::vector<std::int64_t> left_out;  // items, of shards and parts, in order
};

// Collective. Claims the folder for these settings and this source. Throws a usage error on all ranks when it
// holds something else: only items that were left out may have another caption than before.
Found look_around(const OutputFolder& folder, const PrepareSettings& settings, const media::Source& source,
                  const comm::Group& world);

}  // namespace dfm::prepare
