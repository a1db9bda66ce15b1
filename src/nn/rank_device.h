// The devices of a job's ranks: each opens its own, and together they find out how tensors get from one to
// another, by NCCL or through the host.
//
//   const at::Device device = open_rank_device(config, world, topology.local_rank);
//   const comm::GridGroups groups(with_channels(world, config, device), grid);
#pragma once

#include "comm/group.h"
#include "config/config.h"
#include "nn/torch_header.h"

namespace dfm::nn {

// Collective. As device.type says; a usage error where some ranks have a GPU and others none. Nothing may
// have used LibTorch before.
at::Device open_rank_device(const Config& config, const comm::Group& world, int local_rank);

// Collective. The same for a program that has a key of its own for the type of its devices.
at::Device open_keyed_device(const Config& config, const std::string& key, const comm::Group& world,
                             int local_rank);

// Collective. The same ranks, whose groups move tensors as device.collectives says: each group settles it
// when it is first asked to.
comm::Group with_channels(const comm::Group& world, const Config& config, const at::Device& device);

}  // namespace dfm::nn
