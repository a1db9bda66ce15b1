#include "nn/shared_choice.h"

#include <numeric>

#include "nn/raw_collectives.h"

namespace dfm::nn {

namespace {

Choice choice_on_host(const at::Tensor& scores, const PackLayout& layout, const ChoiceRule& rule,
                      const ModelParallel& parallel) {
  if (rule.group == RoutingGroup::rank)
    return choose_tokens(scores, layout.tensor_row_counts(), rule.capacity_factor);
  const auto& samples = layout.whole_counts();
  const std::int64_t tokens = std::reduce(samples.begin(), samples.end());
  const auto groups = rule.group == RoutingGroup::sample ? samples : std::vector{tokens};
  if (parallel.context == nullptr) return choose_tokens(scores, groups, rule.capacity_factor);
  const at::Tensor whole =
      layout.whole_rows(raw::gather_rows(scores.detach(), layout.context_row_counts(), *parallel.context));
  const Choice choice = choose_tokens(whole, groups, rule.capacity_factor);
  return choice.among(layout.attention_rows(at::arange(tokens)), tokens);
}

}  // namespace

// Experts' choices are made on the host: a layer of experts waits once for its device.
Choice choose_in_share(const at::Tensor& scores, const PackLayout& layout, const ChoiceRule& rule,
                       const ModelParallel& parallel) {
  const Choice choice = choice_on_host(scores.detach().cpu(), layout, rule, parallel);
  return scores.is_cpu() ? choice : choice.on(scores.device());
}

}  // namespace dfm::nn
