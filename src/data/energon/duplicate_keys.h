// Finds sample keys that come twice in a data set, over all ranks, without bringing all keys together: each
// rank looks after the keys whose hash falls to it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dfm::data {

// A sample by its place in the data set, and the hash of its key.
struct KeyPlace {
  std::uint64_t hash = 0;
  std::uint32_t shard = 0;
  std::uint32_t sample = 0;

  auto operator<=>(const KeyPlace&) const = default;
};

struct DuplicateKey {
  std::string key;
  KeyPlace first, second;
};

// Two samples with one key. read_key is asked only where hashes are equal.
std::optional<DuplicateKey> find_duplicate_key(std::vector<KeyPlace> places,
                                               const std::function<std::string(const KeyPlace&)>& read_key);

}  // namespace dfm::data
