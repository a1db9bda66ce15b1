// Text from an untrusted file as an error message may show it: at most 60 characters, control characters and
// everything that is not ASCII replaced by '?'.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace dfm::data {

inline std::string printable(std::string_view text) {
  static constexpr std::size_t kMostCharacters = 60;
  std::string result(text.substr(0, kMostCharacters));
  std::ranges::replace_if(
      result, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text.size() > kMostCharacters ? result + "..." : result;
}

}  // namespace dfm::data
