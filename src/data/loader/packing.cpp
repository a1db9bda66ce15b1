#include "data/loader/packing.h"

#include <algorithm>
#include <bit>
#include <map>
#include <numeric>

#include "data/loader/dealing.h"
#include "data/loader/greatest_first.h"

namespace dfm::data {
namespace {

// A tournament over the room left in each pack: finds the first pack with at least a given room in O(log n).
class RoomTree {
 public:
  RoomTree(std::size_t packs, std::int64_t capacity)
      : leaves_(std::bit_ceil(std::max<std::size_t>(packs, 1))), room_(2 * leaves_, capacity) {}

  std::size_t first_with_room(std::int64_t needed) const {
    std::size_t node = 1;
    while (node < leaves_) node = room_[2 * node] >= needed ? 2 * node : 2 * node + 1;
    return node - leaves_;
  }

  void take(std::size_t pack, std::int64_t amount) {
    std::size_t node = pack + leaves_;
    room_[node] -= amount;
    for (node /= 2; node > 0; node /= 2) room_[node] = std::max(room_[2 * node], room_[2 * node + 1]);
  }

 private:
  std::size_t leaves_;
  std::vector<std::int64_t> room_;
};

std::vector<std::int64_t> pick(const std::vector<std::int64_t>& values,
                               const std::vector<std::size_t>& indices) {
  std::vector<std::int64_t> picked;
  picked.reserve(indices.size());
  for (const std::size_t index : indices) picked.push_back(values[index]);
  return picked;
}

double cost_of(const Pack& pack, const std::vector<double>& costs) {
  double sum = 0;
  for (const std::size_t item : pack) sum += costs[item];
  return sum;
}

// Packs go to the ranks whole.
StepPlan deal_packs(const std::vector<Pack>& packs, const std::vector<double>& costs, std::size_t ranks) {
  std::vector<double> pack_costs;
  pack_costs.reserve(packs.size());
  for (const Pack& pack : packs) pack_costs.push_back(cost_of(pack, costs));
  StepPlan plan;
  for (const auto& items : deal_evenly(pack_costs, ranks)) {
    plan.emplace_back();
    for (const std::size_t pack : items) plan.back().push_back(packs[pack]);
  }
  return plan;
}

}  // namespace

std::vector<Pack> first_fit_decreasing(const std::vector<std::int64_t>& token_counts, std::int64_t capacity) {
  std::vector<Pack> packs;
  RoomTree room(token_counts.size(), capacity);
  for (const std::size_t item : greatest_first(token_counts)) {
    const std::int64_t needed = std::min(token_counts[item], capacity);
    const std::size_t pack = room.first_with_room(needed);
    if (pack >= packs.size()) packs.resize(pack + 1);
    packs[pack].push_back(item);
    room.take(pack, needed);
  }
  return packs;
}

StepPlan plan_by_sample(const SampleSizes& samples, std::int64_t capacity, std::size_t ranks) {
  StepPlan plan;
  for (const auto& items : deal_evenly(samples.costs, ranks)) {
    std::vector<Pack> packs = first_fit_decreasing(pick(samples.tokens, items), capacity);
    for (Pack& pack : packs)
      std::ranges::transform(pack, pack.begin(), [&](std::size_t i) { return items[i]; });
    plan.push_back(std::move(packs));
  }
  return plan;
}

StepPlan plan_by_pack(const SampleSizes& samples, std::int64_t capacity, std::size_t ranks) {
  return deal_packs(first_fit_decreasing(samples.tokens, capacity), samples.costs, ranks);
}

StepPlan plan_by_class(const std::vector<double>& costs, const std::vector<std::int64_t>& classes,
                       std::size_t most_samples, std::size_t ranks) {
  std::vector<Pack> packs;
  std::map<std::int64_t, std::size_t> open;  // the pack of each class that takes more
  for (std::size_t item = 0; item < classes.size(); ++item) {
    const auto [place, is_new] = open.try_emplace(classes[item], packs.size());
    if (!is_new && packs[place->second].size() == most_samples) place->second = packs.size();
    if (place->second == packs.size()) packs.emplace_back();
    packs[place->second].push_back(item);
  }
  return deal_packs(packs, costs, ranks);
}

double imbalance(const StepPlan& plan, const std::vector<double>& costs) {
  double most = 0, sum = 0;
  for (const auto& packs : plan) {
    double load = 0;
    for (const Pack& pack : packs) load += cost_of(pack, costs);
    most = std::max(most, load);
    sum += load;
  }
  return sum == 0 ? 0 : most * static_cast<double>(plan.size()) / sum - 1;
}

double fill_ratio(const StepPlan& plan, const std::vector<std::int64_t>& amounts, std::int64_t room) {
  std::size_t packs = 0;
  for (const auto& of_rank : plan) packs += of_rank.size();
  const auto filled = std::accumulate(amounts.begin(), amounts.end(), 0.0);
  return packs == 0 ? 0 : filled / (static_cast<double>(packs) * static_cast<double>(room));
}

}  // namespace dfm::data
