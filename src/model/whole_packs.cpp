#include "model/whole_packs.h"

#include <numeric>

#include "nn/raw_collectives.h"

namespace dfm::model {
namespace {

// The shares of the context ranks one behind the other, sample by sample.
at::Tensor in_sample_order(const at::Tensor& shares, const nn::PackLayout& layout) {
  const auto& counts = layout.counts_by_context_rank();
  std::vector<std::int64_t> begins;
  std::int64_t begin = 0;
  for (const auto& of_rank : counts) {
    begins.push_back(begin);
    begin += std::reduce(of_rank.begin(), of_rank.end());
  }
  std::vector<at::Tensor> parts;
  for (std::size_t sample = 0; sample < layout.whole_counts().size(); ++sample) {
    for (std::size_t rank = 0; rank < counts.size(); ++rank) {
      parts.push_back(shares.narrow(0, begins[rank], counts[rank][sample]));
      begins[rank] += counts[rank][sample];
    }
  }
  return at::cat(parts);
}

at::Tensor whole_rows(at::Tensor rows, const nn::PackLayout& layout, const nn::ModelParallel& parallel) {
  if (parallel.tensor != nullptr) {
    rows = nn::raw::gather_rows(rows, layout.tensor_row_counts(), *parallel.tensor);
  }
  if (parallel.context == nullptr) return rows;
  nn::RowCounts counts;
  for (const auto& each : layout.counts_by_context_rank())
    counts.push_back(std::reduce(each.begin(), each.end()));
  return in_sample_order(nn::raw::gather_rows(rows, counts, *parallel.context), layout);
}

}  // namespace

Backbone on_whole_packs(const Backbone& network, const nn::ModelParallel& parallel) {
  if (parallel.tensor == nullptr && parallel.context == nullptr) return network;
  return {network.patches, [network, parallel](const PackInput& input, const nn::PackLayout& whole) {
            const at::NoGradGuard no_gradients;
            const nn::PackLayout layout = whole.share(parallel.sequence_cut());
            const at::Tensor rows = network.forward(
                {layout.own_rows(input.tokens), input.positions, input.noise_level, input.text}, layout);
            return whole_rows(rows, layout, parallel);
          }};
}

}  // namespace dfm::model
