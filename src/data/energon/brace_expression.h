// Brace expressions, in which split.yaml writes lists of shards: shard-{000000..000002}.tar (spec/energon.md
// section 1.6).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dfm::data {

// All names of an expression in order, in the dialect of Python's braceexpand 0.1.7: comma lists, ranges of
// numbers and of letters with an optional step, zero padding taken from the ends of the range, nesting,
// backslash escapes. Throws a data error for unbalanced braces, for more than a million names, for more than
// 256 MiB of them on the way, and for nesting deeper than 50.
std::vector<std::string> expand_braces(std::string_view expression);

// Expressions that give `names` again, in their order: names that differ in one number, which grows by one
// from each to the next and keeps its width, become one range. Names that would not survive a round trip stay
// as they are.
std::vector<std::string> collapse_braces(std::span<const std::string> names);

}  // namespace dfm::data
