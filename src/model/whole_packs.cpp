#include "model/whole_packs.h"

#include "nn/raw_collectives.h"

namespace dfm::model {
namespace {

at::Tensor whole_rows(at::Tensor rows, const nn::PackLayout& layout, const nn::ModelParallel& parallel) {
  if (parallel.tensor != nullptr) {
    rows = nn::raw::gather_rows(rows, layout.tensor_row_counts(), *parallel.tensor);
  }
  if (parallel.context == nullptr) return rows;
  return layout.whole_rows(nn::raw::gather_rows(rows, layout.context_row_counts(), *parallel.context));
}

}  // namespace

Backbone on_whole_packs(const Backbone& network, const nn::ModelParallel& parallel) {
  if (parallel.tensor == nullptr && parallel.context == nullptr) return network;
  Backbone on_whole{
      network.patches, [network, parallel](const PackInput& input, const nn::PackLayout& whole) {
        const at::NoGradGuard no_gradients;
        const nn::PackLayout layout = whole.share(parallel.sequence_cut());
        const at::Tensor rows = network.forward(
            {layout.own_rows(input.tokens), input.positions, input.noise_level, input.text}, layout);
        return whole_rows(rows, layout, parallel);
      }};
  on_whole.device = network.device;
  return on_whole;
}

}  // namespace dfm::model
