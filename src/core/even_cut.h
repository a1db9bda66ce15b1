// Cutting a number of things into parts that differ by one at most: 12 heads on 8 ranks, 81 frames on 3.
#pragma once

#include <cstdint>
#include <vector>

namespace dfm {

struct Range {
  std::int64_t begin = 0, count = 0;
  std::int64_t end() const { return begin + count; }
};

// Part `part` of 0, 1, ..., total - 1.
inline Range even_cut(std::int64_t total, std::int64_t parts, std::int64_t part) {
  const std::int64_t begin = total * part / parts;
  return {begin, total * (part + 1) / parts - begin};
}

// The sizes of all parts.
inline std::vector<std::int64_t> even_counts(std::int64_t total, std::int64_t parts) {
  std::vector<std::int64_t> counts;
  for (std::int64_t part = 0; part < parts; ++part) counts.push_back(even_cut(total, parts, part).count);
  return counts;
}

}  // namespace dfm
