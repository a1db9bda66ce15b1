// The layers of a network that this rank has, by their number in the whole network: all of them, or those of
// its pipeline stage.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/recompute_plan.h"
#include "nn/parameter.h"

namespace dfm::model {

template <class Layer>
class StageLayers {
 public:
  StageLayers() = default;
  // Their parameters are called decoder.layers.N.
  template <class Shape>
  StageLayers(const Shape& shape, nn::ParameterList& parameters, const RecomputePlan& plan)
      : layers_(static_cast<std::size_t>(shape.num_layers)) {
    for (std::int64_t i = 0; i < shape.num_layers; ++i) {
      if (!parameters.parallel().depth.has_layer(shape.num_layers, i)) continue;
      const nn::Scope scope(parameters, "decoder.layers." + std::to_string(i));
      layers_[static_cast<std::size_t>(i)].emplace(scope, shape, plan);
    }
  }

  const Layer& operator[](std::size_t i) const { return *layers_[i]; }
  nn::LayerChunk all() const { return {{0, static_cast<std::int64_t>(layers_.size())}}; }

 private:
  std::vector<std::optional<Layer>> layers_;
};

}  // namespace dfm::model
