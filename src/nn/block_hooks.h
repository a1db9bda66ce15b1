// What happens around the blocks of a network whose parameters come and go (train/unit_gather.h): a
// ParameterList carries the hooks, model::run_stack calls them, and whoever owns the parameters' memory sets
// them. Without any, blocks run as they are.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "nn/torch_header.h"

namespace dfm::nn {

// Each gets the number of the block. Between before_... and the next call of any, the block's parameters must
// be there; after its backward its gradients are complete.
struct BlockHooks {
  std::function<void(std::size_t)> before_forward, before_backward, after_backward;
};

// Block i of a network: x is inputs[0], what all blocks share follows.
using Block = std::function<at::Tensor(std::size_t i, const std::vector<at::Tensor>& inputs)>;

// block(i, inputs) with the hooks around it, now and in its backward pass.
at::Tensor run_block(const BlockHooks& hooks, const Block& block, std::size_t i,
                     std::vector<at::Tensor> inputs);

}  // namespace dfm::nn
