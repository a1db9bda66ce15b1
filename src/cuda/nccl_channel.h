// NCCL between the devices of a group (comm/device_channel.h). Every rank has a device of its own.
#pragma once

#include <memory>
#include <string>

#include "comm/device_channel.h"

namespace dfm::cuda {

// What one rank makes and tells the others, who then all join.
std::string channel_id();
// Collective: returns when all have joined.
std::shared_ptr<comm::DeviceChannel> join_channel(const std::string& id, int rank, int ranks);

}  // namespace dfm::cuda
