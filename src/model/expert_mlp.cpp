#include "model/expert_mlp.h"

#include <optional>

#include "nn/coming_rows.h"
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

at::Tensor ExpertMlp::outputs_of(const Range& experts, const at::Tensor& rows, const Counts& counts) const {
  std::vector<at::Tensor> outputs;
  const auto of_each = rows.split_with_sizes(counts);
  for (std::size_t i = 0; i < of_each.size(); ++i)
    outputs.push_back(experts_[static_cast<std::size_t>(experts.begin) + i].partial(of_each[i]));
  return at::cat(outputs);
}

at::Tensor ExpertMlp::summed_outputs(const Range& experts, const at::Tensor& rows,
                                     const Counts& counts) const {
  if (parallel_.tensor == nullptr) return outputs_of(experts, rows, counts);
  const nn::TensorExperts together(counts, *parallel_.tensor);
  return together.scatter_sums(outputs_of(experts, together.gather(rows), together.counts()));
}

at::Tensor ExpertMlp::through_exchange(const at::Tensor& x, const PackLayout& layout) const {
  const at::Tensor scores = scores_of(x);
  const nn::Choice choice = nn::choose_in_own_rows(scores, layout, shape_.choice, parallel_);
  const nn::ExpertExchange exchange(choice.counts, *parallel_.expert);
  const at::Tensor outputs = exchange.through(
      choice.taken(x), [this](const Range& experts, const at::Tensor& visitors, const Counts& counts) {
        return summed_outputs(experts, visitors, counts);
      });
  return nn::combined(outputs, choice.weights(scores), choice, x.size(0));
}

// Scores travel between tensor ranks, so that these choose by the same bits; rows do while they choose.
at::Tensor ExpertMlp::with_all_experts(const at::Tensor& x, const PackLayout& layout) const {
  const at::Tensor scores = of_share(scores_of(x), layout);
  std::optional<nn::ComingRows> coming;
  if (parallel_.tensor != nullptr) coming.emplace(x, layout.tensor_row_counts(), *parallel_.tensor);
  const nn::Choice choice = nn::choose_in_share(scores, layout, shape_.choice, parallel_);
  const at::Tensor rows = coming ? coming->arrived() : x;
  const at::Tensor outputs = outputs_of({0, shape_.count}, choice.taken(rows), choice.counts);
  at::Tensor sums = nn::combined(outputs, choice.weights(scores), choice, rows.size(0));
  if (parallel_.tensor == nullptr) return sums;
  return nn::scatter_sum_rows(sums, layout.tensor_row_counts(), *parallel_.tensor);
}

at::Tensor ExpertMlp::operator()(const at::Tensor& x, const PackLayout& layout) const {
  return parallel_.expert == nullptr ? with_all_experts(x, layout) : through_exchange(x, layout);
}

}  // namespace dfm::model
