// NCCL of the emulated GPU: ranks of one node, each with an emulated GPU of its own, through memory that they
// share. It sums in the order of ranks, and ends the process where ranks do not ask for the same; what
// arrives holds NaN until the arrival is asked for, as what a stream has not been made to wait for.
#pragma once

#include <memory>
#include <string>

#include "comm/device_channel.h"

namespace dfm::emulated {

std::string channel_id();
std::shared_ptr<comm::DeviceChannel> join_channel(const std::string& id, int rank, int ranks);

}  // namespace dfm::emulated
