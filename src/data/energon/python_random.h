// The permutation that Python's random.Random(seed).shuffle gives, by which the reference shuffles shards
// (spec/energon.md section 1.6).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dfm::data {

// result[i] is what stands at place i after shuffling 0 .. count - 1. Mersenne Twister (Matsumoto and
// Nishimura 1998, init_by_array) and Fisher-Yates from the end, as CPython's random module does it.
std::vector<std::size_t> python_shuffle(std::size_t count, std::uint32_t seed);

}  // namespace dfm::data
