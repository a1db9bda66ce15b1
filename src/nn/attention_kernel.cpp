#include "nn/attention_kernel.h"

#include <algorithm>

namespace dfm::nn {
namespace {

bool all_equal(const std::vector<std::int64_t>& counts) {
  return std::ranges::all_of(counts, [&](std::int64_t count) { return count == counts.front(); });
}

}  // namespace

bool AttentionLengths::equal() const { return all_equal(queries) && all_equal(keys); }

std::int64_t longest(const std::vector<std::int64_t>& counts) { return std::ranges::max(counts); }

at::Tensor by_samples(const at::Tensor& log_sum_exp, const AttentionLengths& lengths) {
  if (!lengths.equal()) return log_sum_exp.unsqueeze(1);
  return log_sum_exp.unflatten(1, {lengths.samples(), lengths.queries.front()});
}

}  // namespace dfm::nn
