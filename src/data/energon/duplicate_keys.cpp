#include "data/energon/duplicate_keys.h"

#include <algorithm>
#include <unordered_map>

namespace dfm::data {

std::optional<DuplicateKey> find_duplicate_key(std::vector<KeyPlace> places,
                                               const std::function<std::string(const KeyPlace&)>& read_key) {
  std::ranges::sort(places);
  for (auto begin = places.begin(); begin != places.end();) {
    const auto end =
        std::find_if(begin, places.end(), [&](const KeyPlace& place) { return place.hash != begin->hash; });
    if (end - begin > 1) {
      std::unordered_map<std::string, KeyPlace> seen;
      for (auto place = begin; place != end; ++place) {
        const auto [before, is_new] = seen.emplace(read_key(*place), *place);
        if (!is_new) return DuplicateKey{before->first, before->second, *place};
      }
    }
    begin = end;
  }
  return std::nullopt;
}

}  // namespace dfm::data
