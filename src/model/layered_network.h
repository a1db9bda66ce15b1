// A network as a stack of layers, in the four parts that pipeline stages divide. A family writes these parts;
// what is here puts them together, on one rank or through the stages.
//
//   class Dit {
//     Given conditioning(input, layout) const;            // beside x, for all layers: on every stage
//     at::Tensor embed(input, layout) const;              // before the layers: on the first stage
//     at::Tensor layers(range, x, given, layout) const;   // some of them: those of a stage
//     at::Tensor head(x, given, layout) const;            // after them: on the last stage
//   };
//   spec.build = builder_of<Dit>(shape, plan);
#pragma once

#include <memory>

#include "model/backbone.h"
#include "model/stage_layers.h"

namespace dfm::model {

template <class Network>
concept Layered = requires(const Network& network, const PackInput& input, const nn::PackLayout& layout,
                           const at::Tensor& x, const Range& range) {
  network.layers(range, network.embed(input, layout), network.conditioning(input, layout), layout);
  network.head(x, network.conditioning(input, layout), layout);
};

// x: as StagePart::forward takes it.
template <Layered Network>
at::Tensor run_chunk(const Network& network, const nn::LayerChunk& chunk, const at::Tensor& x,
                     const PackInput& input, const nn::PackLayout& layout) {
  const auto given = network.conditioning(input, layout);
  const at::Tensor begin = chunk.is_first ? network.embed(input, layout) : x;
  const at::Tensor end = network.layers(chunk.layers, begin, given, layout);
  return chunk.is_last ? network.head(end, given, layout) : end;
}

// The forward of a network whose chunks are on several stages: from each to the next, and the output to all.
std::function<at::Tensor(const PackInput&, const nn::PackLayout&)> through_stages(
    const StagePart& part, const nn::ModelParallel& parallel);

template <Layered Network, class Shape>
StagePart stage_part(std::shared_ptr<const Network> network, const Shape& shape,
                     const nn::ParameterList& parameters) {
  return {[network, depth = parameters.parallel().depth, layers = shape.num_layers](
              int chunk, const at::Tensor& x, const PackInput& input, const nn::PackLayout& layout) {
            return run_chunk(*network, depth.chunk(layers, chunk), x, input, layout);
          },
          [like = parameters.all().front().value, width = shape.hidden_size](const nn::PackLayout& layout) {
            return at::empty({layout.tokens(), width}, like.options());
          }};
}

// How a family's network is built, Network(shape, parameters, plan): what BackboneSpec::build holds.
template <Layered Network, class Shape>
auto builder_of(const Shape& shape, const RecomputePlan& plan) {
  return [shape, plan](nn::ParameterList& parameters) {
    RecomputePlan hooked = plan;
    hooked.hooks = parameters.block_hooks();
    const auto network = std::make_shared<const Network>(shape, parameters, hooked);
    Backbone backbone{shape.patches,
                      [network](const PackInput& input, const nn::PackLayout& layout) {
                        return network->forward(input, layout);
                      },
                      plan};
    if (parameters.parallel().pipeline == nullptr) return backbone;
    backbone.stage = stage_part(network, shape, parameters);
    backbone.forward = through_stages(backbone.stage, parameters.parallel());
    return backbone;
  };
}

}  // namespace dfm::model
