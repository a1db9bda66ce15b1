#include "data/loader/dealing.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "data/loader/greatest_first.h"

namespace dfm::data {
namespace {

using Items = std::vector<std::size_t>;

class Dealing {
 public:
  Dealing(const std::vector<double>& costs, std::size_t ranks)
      : costs_(costs), items_(ranks), load_(ranks, 0) {
    for (const std::size_t item : greatest_first(costs))
      give(item, static_cast<std::size_t>(std::ranges::min_element(load_) - load_.begin()));
  }

  // Makes the heaviest rank lighter. False: it cannot be.
  bool improve() {
    const auto heaviest = static_cast<std::size_t>(std::ranges::max_element(load_) - load_.begin());
    for (const std::size_t other : lightest_first()) {
      const double gap = load_[heaviest] - load_[other];
      if (gap <= kSlightly * load_[heaviest]) return false;
      const auto change = best_change(items_[heaviest], items_[other], gap);
      if (!change) continue;
      move(change->given, heaviest, other);
      if (change->taken) move(*change->taken, other, heaviest);
      return true;
    }
    return false;
  }

  std::vector<Items> result() && { return std::move(items_); }

 private:
  static constexpr double kSlightly = 1e-4;

  // An item that goes to the lighter rank, and one that may come back for it.
  struct Change {
    std::size_t given;
    std::optional<std::size_t> taken;
  };

  Items lightest_first() const {
    Items order(load_.size());
    std::iota(order.begin(), order.end(), 0U);
    std::ranges::stable_sort(order, {}, [this](std::size_t rank) { return load_[rank]; });
    return order;
  }

  // The change after which the two differ least, if that is noticeably less than now.
  std::optional<Change> best_change(const Items& from, const Items& to, double gap) const {
    std::optional<Change> best;
    double least = gap * (1 - kSlightly);
    const auto consider = [&](double moved, const Change& change) {
      const double left = std::abs(gap - 2 * moved);
      if (left >= least) return;
      least = left;
      best = change;
    };
    for (const std::size_t given : from) {
      if (from.size() > 1) consider(costs_[given], {given, {}});
      for (const std::size_t taken : to) consider(costs_[given] - costs_[taken], {given, taken});
    }
    return best;
  }

  void give(std::size_t item, std::size_t rank) {
    items_[rank].push_back(item);
    load_[rank] += costs_[item];
  }

  void move(std::size_t item, std::size_t from, std::size_t to) {
    std::erase(items_[from], item);
    load_[from] -= costs_[item];
    give(item, to);
  }

  const std::vector<double>& costs_;
  std::vector<Items> items_;
  std::vector<double> load_;
};

}  // namespace

std::vector<std::vector<std::size_t>> deal_evenly(const std::vector<double>& costs, std::size_t ranks) {
  Dealing dealing(costs, ranks);
  // Each change is a matter of two ranks; a few for each are enough.
  constexpr std::size_t kChangesPerRank = 8;
  for (std::size_t changes = 0; changes < kChangesPerRank * ranks && dealing.improve(); ++changes) {
  }
  return std::move(dealing).result();
}

}  // namespace dfm::data
