#include "data/loader/packing.h"

#include <algorithm>
#include <bit>
#include <map>
#include <numeric>

namespace dfm::data {
namespace {

std::vector<std::size_t> longest_first(const std::vector<std::int64_t>& weights) {
  std::vector<std::size_t> order(weights.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return weights[a] > weights[b]; });
  return order;
}

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

// Deals items longest first, each to the rank with the least so far.
std::vector<std::vector<std::size_t>> deal(const std::vector<std::int64_t>& weights, std::size_t ranks) {
  std::vector<std::vector<std::size_t>> dealt(ranks);
  std::vector<std::int64_t> load(ranks, 0);
  for (const std::size_t item : longest_first(weights)) {
    const auto least = static_cast<std::size_t>(std::ranges::min_element(load) - load.begin());
    dealt[least].push_back(item);
    load[least] += weights[item];
  }
  return dealt;
}

std::vector<std::int64_t> pick(const std::vector<std::int64_t>& values,
                               const std::vector<std::size_t>& indices) {
  std::vector<std::int64_t> picked;
  for (const std::size_t index : indices) picked.push_back(values[index]);
  return picked;
}

// Packs go to the ranks whole.
StepPlan deal_packs(const std::vector<Pack>& packs, const std::vector<std::int64_t>& token_counts,
                    std::size_t ranks) {
  std::vector<std::int64_t> tokens_in_pack;
  for (const Pack& pack : packs) {
    const auto counts = pick(token_counts, pack);
    tokens_in_pack.push_back(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}));
  }
  StepPlan plan;
  for (const auto& items : deal(tokens_in_pack, ranks)) {
    plan.emplace_back();
    for (const std::size_t pack : items) plan.back().push_back(packs[pack]);
  }
  return plan;
}

}  // namespace

std::vector<Pack> first_fit_decreasing(const std::vector<std::int64_t>& token_counts, std::int64_t capacity) {
  std::vector<Pack> packs;
  RoomTree room(token_counts.size(), capacity);
  for (const std::size_t item : longest_first(token_counts)) {
    const std::int64_t needed = std::min(token_counts[item], capacity);
    const std::size_t pack = room.first_with_room(needed);
    if (pack >= packs.size()) packs.resize(pack + 1);
    packs[pack].push_back(item);
    room.take(pack, needed);
  }
  return packs;
}

StepPlan plan_by_sample(const std::vector<std::int64_t>& token_counts, std::int64_t capacity,
                        std::size_t ranks) {
  StepPlan plan;
  for (const auto& items : deal(token_counts, ranks)) {
    std::vector<Pack> packs = first_fit_decreasing(pick(token_counts, items), capacity);
    for (Pack& pack : packs)
      std::ranges::transform(pack, pack.begin(), [&](std::size_t i) { return items[i]; });
    plan.push_back(std::move(packs));
  }
  return plan;
}

StepPlan plan_by_pack(const std::vector<std::int64_t>& token_counts, std::int64_t capacity,
                      std::size_t ranks) {
  return deal_packs(first_fit_decreasing(token_counts, capacity), token_counts, ranks);
}

StepPlan plan_by_class(const std::vector<std::int64_t>& token_counts,
                       const std::vector<std::int64_t>& classes, std::size_t most_samples,
                       std::size_t ranks) {
  std::vector<Pack> packs;
  std::map<std::int64_t, std::size_t> open;  // the pack of each class that takes more
  for (std::size_t item = 0; item < classes.size(); ++item) {
    const auto [place, is_new] = open.try_emplace(classes[item], packs.size());
    if (!is_new && packs[place->second].size() == most_samples) place->second = packs.size();
    if (place->second == packs.size()) packs.emplace_back();
    packs[place->second].push_back(item);
  }
  return deal_packs(packs, token_counts, ranks);
}

double fill_ratio(const StepPlan& plan, const std::vector<std::int64_t>& amounts, std::int64_t room) {
  std::size_t packs = 0;
  for (const auto& of_rank : plan) packs += of_rank.size();
  const auto filled = std::accumulate(amounts.begin(), amounts.end(), 0.0);
  return packs == 0 ? 0 : filled / (static_cast<double>(packs) * static_cast<double>(room));
}

}  // namespace dfm::data
