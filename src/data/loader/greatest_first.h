// The order in which items are packed and dealt.
#pragma once

#include <algorithm>
#include <functional>
#include <numeric>
#include <vector>

namespace dfm::data {

// The indices of the values, of the greatest one first; of equal ones as they stand.
template <class Value>
std::vector<std::size_t> greatest_first(const std::vector<Value>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, std::greater(), [&](std::size_t i) { return values[i]; });
  return order;
}

}  // namespace dfm::data
