// Shards from parts that are finished: those of a new shard one behind the other, or those of items that had
// been left out in among the samples of the shard that is there.
#pragma once

#include <cstdint>
#include <span>

#include "prepare/output_folder.h"
#include "prepare/work_plan.h"

namespace dfm::prepare {

// Makes the shard of its parts, in their order, and removes them.
void put_together(const OutputFolder& folder, std::int64_t shard, std::span<const ItemRange> parts);

// The shard gets the samples of these parts, whose items it had left out, and then has the bytes as if none
// had been; where the parts hold none, it stays as it is. The parts are removed.
void mend_shard(const OutputFolder& folder, std::int64_t shard, std::span<const ItemRange> parts);

}  // namespace dfm::prepare
