#include "data/loader/balanced_order.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <span>
#include <tuple>

#include "data/loader/greatest_first.h"

namespace dfm::data {
namespace {

using Items = std::vector<std::size_t>;

// Two lots of items, and what each costs.
struct Halves {
  Items items[2];
  double cost[2] = {0, 0};
  int changes = 0;
};

// Divides a run of items into halves that cost the same, as near as that goes, and goes on with each.
class Halving {
 public:
  explicit Halving(const std::vector<double>& costs) : costs_(costs) {}

  void spread(std::span<std::size_t> items) const {
    if (items.size() < 2) return;
    Halves halves = dealt(items);
    while (halves.changes < kMostChanges && even_out(halves)) ++halves.changes;
    if (items.size() % 2 == 1) halves.items[0].push_back(items.back());
    std::ranges::copy(halves.items[1], std::ranges::copy(halves.items[0], items.begin()).out);
    const std::size_t middle = (items.size() + 1) / 2;
    spread(items.first(middle));
    spread(items.subspan(middle));
  }

 private:
  static constexpr int kMostChanges = 8;
  static constexpr double kSlightly = 1e-4;

  void sort(std::span<std::size_t> items) const {
    std::ranges::stable_sort(items, std::greater(), [this](std::size_t i) { return costs_[i]; });
  }

  // Neighbours in the order of costs go to different halves, the dearer one to the half that has cost less so
  // far. The cheapest of an odd number stays last among the items, and out of the halves.
  Halves dealt(std::span<std::size_t> items) const {
    sort(items);
    Halves halves;
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
      const std::size_t lighter = halves.cost[0] <= halves.cost[1] ? 0 : 1;
      for (const std::size_t half : {lighter, 1 - lighter}) {
        const std::size_t item = items[half == lighter ? i : i + 1];
        halves.items[half].push_back(item);
        halves.cost[half] += costs_[item];
      }
    }
    return halves;
  }

  // Exchanges the two items after which the halves differ least. False: that would help no more.
  bool even_out(Halves& halves) const {
    const std::size_t heavy = halves.cost[0] > halves.cost[1] ? 0 : 1;
    Items &from = halves.items[heavy], &to = halves.items[1 - heavy];
    const double gap = halves.cost[heavy] - halves.cost[1 - heavy];
    if (gap <= kSlightly * (halves.cost[0] + halves.cost[1])) return false;
    sort(from);
    sort(to);
    double least = gap * (1 - kSlightly), moved = 0;
    std::size_t given = 0, taken = 0;
    for (std::size_t i = 0, j = 0; i < from.size() && j < to.size();) {
      const double difference = costs_[from[i]] - costs_[to[j]];
      if (std::abs(gap - 2 * difference) < least) {
        least = std::abs(gap - 2 * difference);
        std::tie(moved, given, taken) = std::tuple(difference, i, j);
      }
      ++(2 * difference > gap ? i : j);
    }
    if (moved == 0) return false;
    std::swap(from[given], to[taken]);
    halves.cost[heavy] -= moved;
    halves.cost[1 - heavy] += moved;
    return true;
  }

  const std::vector<double>& costs_;
};

}  // namespace

std::vector<std::size_t> evenly_spread(const std::vector<double>& costs) {
  Items placed(costs.size());
  std::iota(placed.begin(), placed.end(), 0U);
  Halving(costs).spread(placed);
  // The places that a cost got, filled in the order of the items that have it.
  std::vector<double> cost_at_place;
  for (const std::size_t item : placed) cost_at_place.push_back(costs[item]);
  const Items by_cost = greatest_first(costs), places = greatest_first(cost_at_place);
  Items items(costs.size());
  for (std::size_t i = 0; i < items.size(); ++i) items[places[i]] = by_cost[i];
  return items;
}

void BalancedOrder::enter_window(std::int64_t position) {
  const std::int64_t epoch = order_.samples_in_epoch();
  begin_ = std::max(position / window_ * window_, position / epoch * epoch);
  const std::int64_t end = std::min((position / window_ + 1) * window_, (position / epoch + 1) * epoch);
  std::vector<std::int64_t> samples;
  std::vector<double> costs;
  for (std::int64_t at = begin_; at < end; ++at) {
    samples.push_back(order_.sample_at(at));
    costs.push_back(cost_of_(samples.back()));
  }
  samples_.clear();
  for (const std::size_t item : evenly_spread(costs)) samples_.push_back(samples[item]);
}

std::int64_t BalancedOrder::sample_at(std::int64_t position) {
  if (position < begin_ || position >= begin_ + std::ssize(samples_)) enter_window(position);
  return samples_[static_cast<std::size_t>(position - begin_)];
}

}  // namespace dfm::data
