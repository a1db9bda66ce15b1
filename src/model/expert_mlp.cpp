#include "model/expert_mlp.h"

namespace dfm::model {

using nn::PackLayout;
using nn::Scope;

ExpertMlp::ExpertMlp(const Scope& scope, const MovieGenShape& shape, const RecomputePlan& plan)
    : shape_(*shape.experts),
      router_(scope.child("router"), shape.hidden_size, shape_.count, hidden_init(shape)) {
  for (std::int64_t i = 0; i < shape_.count; ++i)
    experts_.emplace_back(scope.child("experts." + std::to_string(i)), shape, plan);
}

at::Tensor ExpertMlp::scores_of(const at::Tensor& x) const { return router_(x).to(at::kFloat).softmax(1); }

nn::Choice ExpertMlp::choose(const at::Tensor& scores, const PackLayout& layout) const {
  const bool is_per_sample = shape_.routing_group == RoutingGroup::sample;
  return nn::choose_tokens(scores, is_per_sample ? layout.token_counts() : std::vector{layout.tokens()},
                           shape_.capacity_factor);
}

at::Tensor ExpertMlp::expert_outputs(const at::Tensor& rows, const std::vector<std::int64_t>& counts,
                                     const PackLayout& layout) const {
  std::vector<at::Tensor> outputs;
  const auto of_each = rows.split_with_sizes(counts);
  for (std::size_t i = 0; i < experts_.size(); ++i) outputs.push_back(experts_[i](of_each[i], layout));
  return at::cat(outputs);
}

at::Tensor ExpertMlp::operator()(const at::Tensor& x, const PackLayout& layout) const {
  const at::Tensor scores = scores_of(x);
  const nn::Choice choice = choose(scores, layout);
  const at::Tensor outputs = expert_outputs(x.index_select(0, choice.tokens), choice.counts, layout);
  return nn::combined(outputs, choice.weights(scores), choice, x.size(0));
}

}  // namespace dfm::model
