#include "nn/expert_choice.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "nn/host_copy.h"

namespace dfm::nn {
namespace {

// What one expert takes of all groups.
std::vector<std::int64_t> picks_of(std::span<const float> scores,
                                   const std::vector<std::int64_t>& group_counts,
                                   const std::vector<std::int64_t>& capacities) {
  std::vector<std::int64_t> picks;
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < group_counts.size(); ++i) {
    const auto group =
        scores.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(group_counts[i]));
    for (const std::int64_t place : highest(group, capacities[i])) picks.push_back(begin + place);
    begin += group_counts[i];
  }
  return picks;
}

// columns [E, S]: the scores of each expert. Returns [E, picks].
at::Tensor chosen_on_host(const at::Tensor& columns, const std::vector<std::int64_t>& group_counts,
                          const std::vector<std::int64_t>& capacities) {
  const std::int64_t experts = columns.size(0), tokens = columns.size(1),
                     of_each = std::reduce(capacities.begin(), capacities.end());
  at::Tensor chosen = at::empty({experts, of_each}, at::kLong);
  auto* const out = chosen.mutable_data_ptr<std::int64_t>();
  at::parallel_for(0, experts, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t e = begin; e < end; ++e) {
      const std::span<const float> column(columns.const_data_ptr<float>() + e * tokens,
                                          static_cast<std::size_t>(tokens));
      std::ranges::copy(picks_of(column, group_counts, capacities), out + e * of_each);
    }
  });
  return chosen;
}

// The same by sorting, in which equal scores keep their order: the host knows how many there will be and need
// not wait for them.
at::Tensor chosen_on_device(const at::Tensor& columns, const std::vector<std::int64_t>& group_counts,
                            const std::vector<std::int64_t>& capacities) {
  const at::Tensor comparable =
      columns.masked_fill(columns.isnan(), -std::numeric_limits<double>::infinity());
  std::vector<at::Tensor> chosen{at::empty({columns.size(0), 0}, columns.options().dtype(at::kLong))};
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < group_counts.size(); ++i) {
    const at::Tensor order =
        comparable.narrow(1, begin, group_counts[i]).argsort(/*stable=*/true, /*dim=*/1, /*descending=*/true);
    chosen.push_back(std::get<0>(order.narrow(1, 0, capacities[i]).sort(1)) + begin);
    begin += group_counts[i];
  }
  return at::cat(chosen, 1);
}

}  // namespace

std::int64_t expert_capacity(std::int64_t tokens, std::int64_t experts, double factor) {
  const double even = static_cast<double>(tokens) * factor / static_cast<double>(experts);
  const auto floor = static_cast<std::int64_t>(std::floor(std::min(even, static_cast<double>(tokens))));
  return std::clamp<std::int64_t>(floor, std::min<std::int64_t>(1, tokens), tokens);
}

std::vector<std::int64_t> highest(std::span<const float> scores, std::int64_t count) {
  const auto score = [&](std::int64_t place) {
    const float value = scores[static_cast<std::size_t>(place)];
    return std::isnan(value) ? -std::numeric_limits<float>::infinity() : value;
  };
  std::vector<std::int64_t> places(scores.size());
  std::iota(places.begin(), places.end(), 0);
  std::ranges::nth_element(places, places.begin() + count, [&](std::int64_t a, std::int64_t b) {
    return score(a) != score(b) ? score(a) > score(b) : a < b;
  });
  places.resize(static_cast<std::size_t>(count));
  std::ranges::sort(places);
  return places;
}

Choice Choice::on(const at::Device& device) const {
  return {to_device(tokens, device), to_device(experts, device), counts};
}

// On a device the gradient of index_select adds atomically, in any order; that of index sorts.
at::Tensor Choice::taken(const at::Tensor& rows) const {
  return rows.is_cpu() ? rows.index_select(0, tokens) : rows.index({tokens});
}

at::Tensor Choice::weights(const at::Tensor& scores) const {
  return scores.flatten().index_select(0, tokens * scores.size(1) + experts).unsqueeze(1);
}

Choice Choice::among(const at::Tensor& rows, std::int64_t total) const {
  const at::Tensor numbers = at::full({total}, -1, at::kLong).index_copy_(0, rows, at::arange(rows.size(0)));
  const at::Tensor found = numbers.index_select(0, tokens), is_among = found.ge(0);
  Choice some{found.masked_select(is_among), experts.masked_select(is_among),
              std::vector<std::int64_t>(counts.size(), 0)};
  for (std::int64_t i = 0; i < some.experts.numel(); ++i)
    ++some.counts[static_cast<std::size_t>(some.experts.const_data_ptr<std::int64_t>()[i])];
  return some;
}

Choice choose_tokens(const at::Tensor& scores, const std::vector<std::int64_t>& group_counts, double factor) {
  const std::int64_t experts = scores.size(1);
  std::vector<std::int64_t> capacities;
  for (const std::int64_t count : group_counts) capacities.push_back(expert_capacity(count, experts, factor));
  const std::int64_t of_each = std::reduce(capacities.begin(), capacities.end());
  const at::Tensor columns = scores.detach().t().contiguous();
  const at::Tensor tokens = scores.is_cpu() ? chosen_on_host(columns, group_counts, capacities)
                                            : chosen_on_device(columns, group_counts, capacities);
  const at::Tensor numbers = at::arange(experts, tokens.options()).unsqueeze(1);
  return {tokens.flatten(), numbers.expand({experts, of_each}).flatten(),
          std::vector<std::int64_t>(static_cast<std::size_t>(experts), of_each)};
}

at::Tensor combined(const at::Tensor& outputs, const at::Tensor& weights, const Choice& choice,
                    std::int64_t tokens) {
  const at::Tensor weighted = outputs.to(at::kFloat) * weights;
  const at::Tensor zeros = at::zeros({tokens, outputs.size(1)}, weighted.options());
  const at::Tensor sums =
      outputs.is_cpu() ? zeros.index_add(0, choice.tokens, weighted)
                       : at::index_put(zeros, c10::List<std::optional<at::Tensor>>({choice.tokens}), weighted,
                                       /*accumulate=*/true);
  return sums.to(outputs.scalar_type());
}

}  // namespace dfm::nn
