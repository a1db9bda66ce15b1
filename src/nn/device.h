// The device that a process computes on: the CPU, or one of the GPUs that its node shows it. The CUDA half of
// dfm and of LibTorch is loaded only where there is one, so that one install serves all nodes.
//
//   const at::Device device = nn::open_device(config.text("device.type"), topology.local_rank());
//   parameters.materialize(at::kBFloat16, Memory::whole, device);
//
// LibTorch remembers from its first call on whether there is CUDA: open the device before any tensor exists.
#pragma once

#include <string>

#include "nn/device_functions.h"
#include "nn/torch_header.h"

namespace dfm::nn {

// type: "cpu", "cuda" (a usage error where none can be used, with the reason), or "auto", which takes a GPU
// where there is one. Ranks of a node take its devices in turn.
at::Device open_device(const std::string& type, int local_rank);

// "NVIDIA H100 80GB HBM3 (cuda:0), 79 GiB" or "CPU, 4 threads".
std::string describe(const at::Device& device);

// The same for every process that computes on this GPU.
std::string identity(const at::Device& device);

// Zeros on the CPU.
DeviceMemory device_memory(const at::Device& device);

// Returns when the device has done what it was asked; at once for the CPU.
void wait_for(const at::Device& device);

// Channels between the devices of a group (nn/rank_device.h): one rank makes an id, with which all join.
std::string channel_id();
std::shared_ptr<comm::DeviceChannel> join_channel(const std::string& id, int rank, int ranks);

}  // namespace dfm::nn
