#include "nn/shared_choice.h"

#include <numeric>

#include "nn/raw_collectives.h"

namespace dfm::nn {

namespace {

// Whether the scores of other context ranks do not matter.
bool is_own(const ChoiceRule& rule, const ModelParallel& parallel) {
  return parallel.context == nullptr || rule.group == RoutingGroup::rank;
}

std::vector<std::int64_t> groups_of(const PackLayout& layout, const ChoiceRule& rule) {
  if (rule.group == RoutingGroup::rank) return layout.tensor_row_counts();
  const auto& samples = layout.whole_counts();
  return rule.group == RoutingGroup::sample ? samples
                                            : std::vector{std::reduce(samples.begin(), samples.end())};
}

// Scores on the host: only there is known how many picks of the whole are among the tokens of a rank.
Choice choice_on_host(const at::Tensor& scores, const PackLayout& layout, const ChoiceRule& rule,
                      const ModelParallel& parallel) {
  const auto groups = groups_of(layout, rule);
  if (is_own(rule, parallel)) return choose_tokens(scores, groups, rule.capacity_factor);
  const at::Tensor whole =
      layout.whole_rows(raw::gather_rows(scores.detach(), layout.context_row_counts(), *parallel.context));
  const Choice choice = choose_tokens(whole, groups, rule.capacity_factor);
  return choice.among(layout.attention_rows(at::arange(whole.size(0))), whole.size(0));
}

// Of the rows that tensor ranks have together those of one of them.
at::Tensor rows_of_tensor_rank(const PackLayout& layout, int rank) {
  const auto& counts = layout.tensor_row_counts();
  const std::int64_t begin = std::reduce(counts.begin(), counts.begin() + rank);
  return at::arange(begin, begin + counts[static_cast<std::size_t>(rank)]);
}

}  // namespace

// What a rank chooses by itself is chosen where the scores are; else a layer of experts waits for its device.
Choice choose_in_share(const at::Tensor& scores, const PackLayout& layout, const ChoiceRule& rule,
                       const ModelParallel& parallel) {
  if (is_own(rule, parallel)) return choose_tokens(scores, groups_of(layout, rule), rule.capacity_factor);
  const Choice choice = choice_on_host(scores.detach().cpu(), layout, rule, parallel);
  return scores.is_cpu() ? choice : choice.on(scores.device());
}

// Scores travel between tensor ranks, so that these choose by the same bits.
Choice choose_in_own_rows(const at::Tensor& scores, const PackLayout& layout, const ChoiceRule& rule,
                          const ModelParallel& parallel) {
  if (parallel.tensor == nullptr) return choose_in_share(scores, layout, rule, parallel);
  const at::Tensor share = raw::gather_rows(scores.detach(), layout.tensor_row_counts(), *parallel.tensor);
  const Choice choice = choice_on_host(share.cpu(), layout, rule, parallel)
                            .among(rows_of_tensor_rank(layout, parallel.tensor->rank()), share.size(0));
  return scores.is_cpu() ? choice : choice.on(scores.device());
}

}  // namespace dfm::nn
