#include "model/layered_network.h"
#include "nn/raw_collectives.h"

namespace dfm::model {
namespace {

at::Tensor chunk_after_chunk(const StagePart& part, const nn::ModelParallel& parallel, const PackInput& input,
                             const nn::PackLayout& layout) {
  const comm::Group& pipeline = *parallel.pipeline;
  const comm::Group &from = parallel.stage_links->from_before, &to = parallel.stage_links->to_after;
  at::Tensor output = at::empty(input.tokens.sizes(), part.room(layout).options());
  for (int number = 0; number < parallel.depth.chunks; ++number) {
    const nn::LayerChunk place = parallel.depth.chunk(0, number);
    at::Tensor x;
    if (!place.is_first) nn::raw::start_receive(x = part.room(layout), from).wait();
    const at::Tensor y = part.forward(number, x, input, layout).contiguous();
    if (place.is_last) {
      output = y;
    } else {
      nn::raw::start_send(y, to).wait();
    }
  }
  nn::raw::broadcast(output, pipeline.size() - 1, pipeline);
  return output;
}

}  // namespace

std::function<at::Tensor(const PackInput&, const nn::PackLayout&)> through_stages(
    const StagePart& part, const nn::ModelParallel& parallel) {
  return [part, parallel](const PackInput& input, const nn::PackLayout& layout) {
    const at::NoGradGuard no_gradients;
    return chunk_after_chunk(part, parallel, input, layout);
  };
}

}  // namespace dfm::model
