#include "nn/rank_device.h"

#include <algorithm>
#include <set>

#include "comm/agree.h"
#include "core/activity.h"
#include "core/error.h"
#include "core/log.h"
#include "nn/attention_choice.h"
#include "nn/device.h"

namespace dfm::nn {
namespace {

void require_one_kind(const comm::Group& world, const at::Device& device, const std::string& key) {
  std::int32_t gpus = device.is_cpu() ? 0 : 1;
  world.all_reduce_sum(std::span(&gpus, 1));
  if (gpus == 0 || gpus == world.size()) return;
  throw comm::AgreedError(ExitCode::usage, fmt::format("{} of {} ranks have a GPU", gpus, world.size()),
                          fmt::format("start on nodes of one kind, or give {}=cpu", key));
}

// Collective. NCCL takes no two ranks on one GPU.
bool have_own_gpus(const comm::Group& group, const at::Device& device) {
  const auto identities = group.all_gather_text(identity(device));
  return std::set(identities.begin(), identities.end()).size() == identities.size();
}

bool uses_nccl(const comm::Group& group, const at::Device& device, const std::string& collectives) {
  const bool has_own = have_own_gpus(group, device);
  if (collectives != "nccl") return group.size() > 1 && has_own;
  if (has_own) return true;
  throw comm::AgreedError(
      ExitCode::usage, fmt::format("ranks of group {} share a GPU, which NCCL does not allow", group.role()),
      "start as many ranks a node as it has GPUs, or give device.collectives=host");
}

// Collective.
std::shared_ptr<comm::DeviceChannel> channel_for(const comm::Group& group, const at::Device& device,
                                                 const std::string& collectives) {
  const bool by_nccl = uses_nccl(group, device, collectives);
  if (group.size() > 1)
    log::debug("group {}: {} ranks, {}", group.role(), group.size(), by_nccl ? "NCCL" : "through the host");
  if (!by_nccl) return nullptr;
  const std::string id = group.broadcast_text(group.rank() == 0 ? channel_id() : "", 0);
  const activity::WaitScope wait("joining NCCL", "devices");
  return join_channel(id, group.rank(), group.size());
}

}  // namespace

at::Device open_keyed_device(const Config& config, const std::string& key, const comm::Group& world,
                             int local_rank) {
  const at::Device device = comm::agreed(world, [&] { return open_device(config.text(key), local_rank); });
  require_one_kind(world, device, key);
  return device;
}

at::Device open_rank_device(const Config& config, const comm::Group& world, int local_rank) {
  const at::Device device = open_keyed_device(config, "device.type", world, local_rank);
  set_attention(
      {parse_attention_choice(config.text("device.attention")), config.flag("device.deterministic")});
  return device;
}

comm::Group with_channels(const comm::Group& world, const Config& config, const at::Device& device) {
  const std::string collectives = config.text("device.collectives");
  const bool goes_over_host = device.is_cpu() || collectives == "host";
  if (!device.is_cpu() && world.size() > 1) {
    const bool by_nccl = !goes_over_host && have_own_gpus(world, device);
    log::info("tensors go between the GPUs of {} ranks {}", world.size(),
              by_nccl ? "by NCCL" : "through the host");
  }
  return world.with_channels([=](const comm::Group& group) {
    return goes_over_host ? nullptr : channel_for(group, device, collectives);
  });
}

}  // namespace dfm::nn
