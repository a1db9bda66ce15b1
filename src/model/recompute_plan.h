// Which activations of a network are kept for its backward pass, and which are computed again there: the
// reference's recompute_* keys (spec/dfm.md section 5.2).
//
//   none       everything is kept
//   selective  model.recompute_modules are computed again: "core_attn" (head norms and attention, from the
//              projected q, k and v) and "mlp", where most of a block's activations are
//   full       whole blocks are, and only their inputs kept: recompute_method "uniform" takes all blocks, in
//              groups of recompute_num_layers that keep one input a group; "block" takes the first
//              recompute_num_layers blocks, one by one, and leaves the rest as it is
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "config/config.h"
#include "core/even_cut.h"
#include "nn/block_hooks.h"
#include "nn/recompute.h"

namespace dfm::model {

struct RecomputePlan {
  bool core_attention = false;
  bool mlp = false;
  // Sizes of the groups of blocks that are computed again as one, from the first block on.
  std::vector<std::int64_t> groups;
  // Around every block; set where the network is built.
  std::shared_ptr<const nn::BlockHooks> hooks = std::make_shared<nn::BlockHooks>();
};

// From the keys of [model]. Throws a usage error for keys that contradict each other.
RecomputePlan recompute_plan(const Config& config);

// part(inputs), kept or computed again.
at::Tensor kept_or_recomputed(bool recomputes, nn::NetworkPart part, const std::vector<at::Tensor>& inputs);

using nn::Block;

// x through these blocks, in the groups of the plan, which begin with the first of them.
at::Tensor run_stack(const RecomputePlan& plan, const Range& layers, const Block& block,
                     std::vector<at::Tensor> inputs);

// When the parameters of a block, by its number in the whole network, are needed.
struct BlockUse {
  enum class In { forward, backward };
  std::size_t block = 0;
  In in = In::forward;

  bool operator==(const BlockUse&) const = default;
};

// The order in which run_stack uses its blocks on the way forward, and in the backward pass.
std::vector<BlockUse> forward_uses(const Range& blocks);
std::vector<BlockUse> backward_uses(const RecomputePlan& plan, const Range& blocks);

}  // namespace dfm::model
