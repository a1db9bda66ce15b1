// The data order rearranged within windows of positions, so that steps cost about the same: images and long
// videos are spread evenly. A function of positions and costs alone. It does not know the size of a step:
// both halves of a window cost the same, as do both halves of a half, and so on, so that any run of
// positions costs about what its length says. Best for steps that are a multiple of a power of two.
//
//   BalancedOrder order(SampleOrder(counts, blend, settings), 8192, cost_of_sample);
//   order.sample_at(position);
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "data/loader/sample_order.h"

namespace dfm::data {

// The places of items with these costs: items[i] goes to place i. Items of equal cost keep their order.
std::vector<std::size_t> evenly_spread(const std::vector<double>& costs);

class BalancedOrder {
 public:
  using CostOf = std::function<double(std::int64_t sample)>;

  // window: positions that may change places; an epoch keeps its samples.
  BalancedOrder(SampleOrder order, std::int64_t window, CostOf cost_of)
      : order_(std::move(order)), window_(window), cost_of_(std::move(cost_of)) {}

  std::int64_t sample_at(std::int64_t position);

 private:
  void enter_window(std::int64_t position);

  SampleOrder order_;
  std::int64_t window_;
  CostOf cost_of_;
  std::int64_t begin_ = 0;             // of the window that was entered last
  std::vector<std::int64_t> samples_;  // at its positions
};

}  // namespace dfm::data
