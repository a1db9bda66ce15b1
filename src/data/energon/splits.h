// Which shards train and which validate.
//
//   const SplitRatio ratio = parse_split_ratio("8,1,1");
//   const auto parts = split_by_ratio(names, ratio);      // train, val, test
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dfm::data {

inline constexpr std::array<const char*, 3> kSplitNames{"train", "val", "test"};
// The seed of the reference's --shuffle-tars.
inline constexpr unsigned kShuffleSeed = 42;

using SplitRatio = std::array<double, 3>;

// Three numbers, not negative and not all zero; throws a usage error otherwise.
SplitRatio parse_split_ratio(std::string_view text);

struct SplitPart {
  std::string name;
  std::vector<std::string> shards;
};

// The shards in their order, cut at truncate(count * running total of the normalised ratio) in double
// arithmetic: exactly the reference's rule, by which rounding can leave the last shard in no part (7,2,1 over
// 10 shards; spec/energon.md section 1.6).
std::vector<SplitPart> split_by_ratio(const std::vector<std::string>& shards, const SplitRatio& ratio);

}  // namespace dfm::data
