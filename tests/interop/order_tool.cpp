// order_tool SEED SLICE_LENGTH SLICES_IN_BLOCK FIRST COUNT SAMPLES...: the samples at COUNT positions from
// FIRST on, for shards of that many samples.
#include <cstdlib>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "data/loader/data_order.h"

int main(int argc, char** argv) {
  std::vector<std::int64_t> numbers;
  for (int i = 1; i < argc; ++i) numbers.push_back(std::strtoll(argv[i], nullptr, 10));
  if (numbers.size() < 6) return 2;
  const dfm::data::OrderSettings settings{static_cast<std::uint64_t>(numbers[0]), numbers[1], numbers[2]};
  dfm::data::DataOrder order({numbers.begin() + 5, numbers.end()}, settings);
  for (std::int64_t i = 0; i < numbers[4]; ++i) fmt::print("{}\n", order.sample_at(numbers[3] + i));
  return 0;
}
