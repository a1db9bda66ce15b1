// Dividing items among ranks so that all have about the same cost: a pure function, the same on every rank.
#pragma once

#include <cstddef>
#include <vector>

namespace dfm::data {

// The items of each rank. Longest first, each to the rank with the least so far; then the rank with the most
// passes an item on, or changes one for a cheaper one, until that helps no more. While there are enough
// items, every rank has one.
std::vector<std::vector<std::size_t>> deal_evenly(const std::vector<double>& costs, std::size_t ranks);

}  // namespace dfm::data
