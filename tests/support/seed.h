// The seed of a test with random input: drawn anew in each run and printed before anything can fail.
// DFM_TEST_SEED=N repeats a run.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>

namespace dfm::testing {

inline std::uint32_t announced_seed() {
  const char* const text = std::getenv("DFM_TEST_SEED");
  const std::uint32_t seed =
      text == nullptr ? std::random_device()() : static_cast<std::uint32_t>(std::stoul(text));
  std::cout << "DFM_TEST_SEED=" << seed << std::endl;
  return seed;
}

}  // namespace dfm::testing
