// Splits whose shards are named by patterns (spec/energon.md section 1.6).
//
//   const auto patterns = parse_split_patterns({"train:train/.*", "val:val/shard_{000..009}"});
//   const std::vector<SplitPart> parts = split_by_patterns(names, patterns);
#pragma once

#include <span>
#include <string>
#include <vector>

#include "data/energon/splits.h"

namespace dfm::data {

struct SplitPattern {
  std::string name;
  std::string pattern;
};

// NAME:PATTERN each. Of two with one name the last counts. Throws a usage error for a word without a colon,
// an empty name, and a pattern that is malformed.
std::vector<SplitPattern> parse_split_patterns(std::span<const std::string> words);

// Braces of a pattern are expanded first; each result is a regular expression that must match from the
// beginning of a name, and not to its end. A shard may be in several parts, or in none.
std::vector<SplitPart> split_by_patterns(std::span<const std::string> shards,
                                         std::span<const SplitPattern> patterns);

}  // namespace dfm::data
