#include "data/energon/split_patterns.h"

#include <algorithm>
#include <regex>

#include <fmt/core.h>

#include "core/error.h"
#include "data/energon/brace_expression.h"
#include "data/energon/python_regex.h"

namespace dfm::data {
namespace {

std::vector<std::regex> expressions_of(const SplitPattern& split) {
  std::vector<std::regex> expressions;
  try {
    for (const std::string& pattern : expand_braces(split.pattern))
      expressions.push_back(python_regex(pattern, fmt::format("index.split_parts: {}", split.name)));
  } catch (const Error& error) {
    if (error.kind() == ExitCode::usage) throw;
    throw usage_error(fmt::format("index.split_parts: {}: {}", split.name, error.what()));
  }
  return expressions;
}

bool matches(const std::string& name, const std::vector<std::regex>& expressions) {
  return std::ranges::any_of(expressions, [&](const std::regex& expression) {
    return std::regex_search(name, expression, std::regex_constants::match_continuous);
  });
}

}  // namespace

std::vector<SplitPattern> parse_split_patterns(std::span<const std::string> words) {
  std::vector<SplitPattern> patterns;
  for (const std::string& word : words) {
    const auto colon = word.find(':');
    if (colon == std::string::npos || colon == 0) {
      throw usage_error(fmt::format("index.split_parts = '{}' names no split", word),
                        "write NAME:PATTERN, for example train:train/.*");
    }
    SplitPattern pattern{word.substr(0, colon), word.substr(colon + 1)};
    expressions_of(pattern);
    const auto earlier = std::ranges::find(patterns, pattern.name, &SplitPattern::name);
    if (earlier == patterns.end()) {
      patterns.push_back(std::move(pattern));
    } else {
      *earlier = std::move(pattern);
    }
  }
  return patterns;
}

std::vector<SplitPart> split_by_patterns(std::span<const std::string> shards,
                                         std::span<const SplitPattern> patterns) {
  std::vector<SplitPart> parts;
  for (const SplitPattern& pattern : patterns) {
    const auto expressions = expressions_of(pattern);
    SplitPart& part = parts.emplace_back(SplitPart{pattern.name, {}});
    std::ranges::copy_if(shards, std::back_inserter(part.shards),
                         [&](const std::string& name) { return matches(name, expressions); });
  }
  return parts;
}

}  // namespace dfm::data
