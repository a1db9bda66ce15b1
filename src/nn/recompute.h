// Activation checkpointing: a part of the network that keeps nothing but its inputs for the backward pass,
// which runs the part again (Chen et al., "Training deep nets with sublinear memory cost"). The numbers do
// not change; the part's forward pass is paid twice.
//
//   x = nn::recomputed([&](const auto& in) { return block.forward(in[0], in[1]); }, {x, time});
#pragma once

#include <functional>
#include <vector>

#include "nn/torch_header.h"

namespace dfm::nn {

using NetworkPart = std::function<at::Tensor(const std::vector<at::Tensor>& inputs)>;

// part(inputs). The part is kept until the backward pass and must then give the same output; parameters that
// it uses need not be among the inputs. Where no gradients are asked for, it is simply called.
at::Tensor recomputed(NetworkPart part, const std::vector<at::Tensor>& inputs);

}  // namespace dfm::nn
