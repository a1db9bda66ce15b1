#include "comm/grid_settings.h"

#include <fmt/core.h>

#include "core/error.h"

namespace dfm::comm {

GridShape grid_shape(const Config& config) {
  const GridShape shape{static_cast<int>(config.integer("model.tensor_model_parallel_size")),
                        static_cast<int>(config.integer("model.context_parallel_size")),
                        static_cast<int>(config.integer("model.pipeline_model_parallel_size")),
                        static_cast<int>(config.integer("model.expert_model_parallel_size"))};
  if (shape.pipeline > 1 || shape.expert > 1) {
    throw usage_error(
        fmt::format("this version does not train with pipeline {} x expert {}", shape.pipeline, shape.expert),
        "leave model.pipeline_model_parallel_size and model.expert_model_parallel_size at 1");
  }
  if (shape.tensor > 1 && !config.flag("model.sequence_parallel")) {
    throw usage_error(
        fmt::format("model.sequence_parallel = false with model.tensor_model_parallel_size = {}",
                    shape.tensor),
        "tensor parallel ranks always share the sequence, too: it moves the same bytes and needs less "
        "memory; "
        "leave model.sequence_parallel out");
  }
  return shape;
}

}  // namespace dfm::comm
