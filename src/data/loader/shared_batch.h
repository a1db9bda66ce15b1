// The batch of a step, read by one of the ranks that compute the same samples and given to its peers: a shard
// is read once, however many ranks share a network.
//
//   StepBatch batch = read_once(groups.replica, [&] { return reader.take(position); });
#pragma once

#include <functional>

#include "comm/group.h"
#include "data/loader/step_reader.h"

namespace dfm::data {

// Collective. Only rank 0 reads. The others have its packs, but not its bad samples, which are reported once.
// What it throws is thrown by all ranks of the group, as an error that ranks outside of it do not know of.
StepBatch read_once(const comm::Group& group, const std::function<StepBatch()>& read);

}  // namespace dfm::data
