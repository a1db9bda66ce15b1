#include "comm/grid_settings.h"

#include <fmt/core.h>

#include "core/error.h"

namespace dfm::comm {

GridShape grid_shape(const Config& config) {
  const GridShape shape{static_cast<int>(config.integer("model.tensor_model_parallel_size")),
                        static_cast<int>(config.integer("model.context_parallel_size")),
                        static_cast<int>(config.integer("model.pipeline_model_parallel_size")),
                        static_cast<int>(config.integer("model.expert_model_parallel_size"))};
  if (shape.tensor > 1 || shape.context > 1 || shape.pipeline > 1 || shape.expert > 1) {
    throw usage_error(
        fmt::format("this version trains with data parallelism only, not with tensor {} x context {} x "
                    "pipeline {} x expert {}",
                    shape.tensor, shape.context, shape.pipeline, shape.expert),
        "leave the model.*_parallel_size keys at 1; all ranks then share the batch");
  }
  return shape;
}

}  // namespace dfm::comm
