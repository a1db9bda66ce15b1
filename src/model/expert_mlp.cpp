#include "model/expert_mlp.h"

#include "nn/collectives.h"
#include "nn/expert_exchange.h"

namespace dfm::model {

using nn::PackLayout;
using nn::Scope;

ExpertMlp::ExpertMlp(const Scope& scope, const MovieGenShape& shape, const RecomputePlan& plan)
    : parallel_(scope.parallel()),
      shape_(*shape.experts),
      router_(scope.child("router"), shape.hidden_size, shape_.count, hidden_init(shape)) {
  const Range mine = parallel_.expert_share(shape_.count);
  for (std::int64_t i = mine.begin; i < mine.end(); ++i)
    experts_.emplace_back(scope.expert_child("experts." + std::to_string(i)), shape, plan);
}

at::Tensor ExpertMlp::scores_of(const at::Tensor& x) const { return router_(x).to(at::kFloat).softmax(1); }

at::Tensor ExpertMlp::of_share(const at::Tensor& x, const PackLayout& layout) const {
  return parallel_.tensor == nullptr ? x : nn::gather_rows(x, layout.tensor_row_counts(), *parallel_.tensor);
}

at::Tensor ExpertMlp::expert_outputs(const at::Tensor& rows, const std::vector<std::int64_t>& counts) const {
  if (parallel_.expert == nullptr) return own_outputs(rows, counts);
  const nn::ExpertExchange exchange(counts, *parallel_.expert);
  return exchange.from_experts(own_outputs(exchange.to_experts(rows), exchange.counts()));
}

at::Tensor ExpertMlp::own_outputs(const at::Tensor& rows, const std::vector<std::int64_t>& counts) const {
  std::vector<at::Tensor> outputs;
  const auto of_each = rows.split_with_sizes(counts);
  for (std::size_t i = 0; i < experts_.size(); ++i) outputs.push_back(experts_[i].partial(of_each[i]));
  return at::cat(outputs);
}

// Scores travel between tensor ranks, so that these choose by the same bits.
at::Tensor ExpertMlp::operator()(const at::Tensor& x, const PackLayout& layout) const {
  const at::Tensor scores = of_share(scores_of(x), layout), rows = of_share(x, layout);
  const nn::Choice choice = nn::choose_in_share(scores, layout, shape_.choice, parallel_);
  const at::Tensor outputs = expert_outputs(choice.taken(rows), choice.counts);
  const at::Tensor sums = nn::combined(outputs, choice.weights(scores), choice, rows.size(0));
  if (parallel_.tensor == nullptr) return sums;
  return nn::scatter_sum_rows(sums, layout.tensor_row_counts(), *parallel_.tensor);
}

}  // namespace dfm::model
