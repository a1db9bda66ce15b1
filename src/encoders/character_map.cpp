#include "encoders/character_map.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/error.h"
#include "core/text.h"

namespace dfm::encoders {
namespace {

constexpr std::size_t kBlock = 256;           // units that a step may reach
constexpr std::size_t kLongestKey = 256;      // bytes
constexpr std::size_t kMostKeysOnAWalk = 32;  // SentencePiece has room for so many
constexpr std::size_t kLongestReplacement = 64;

// A unit of Darts-clone.
struct Unit {
  std::uint32_t bits;

  bool has_leaf() const { return (bits >> 8U & 1U) == 1; }
  std::uint32_t value() const { return bits & 0x7FFFFFFFU; }
  std::uint32_t label() const { return bits & 0x800000FFU; }
  std::uint32_t offset() const { return (bits >> 10U) << ((bits & 0x200U) >> 6U); }
};

class TrieCheck {
 public:
  TrieCheck(std::string_view trie, std::string_view replacements);

  void run() { most_keys_below(units_[0].offset(), 0); }

 private:
  static constexpr std::uint8_t kUnknown = 0xFF, kInProgress = 0xFE;

  // Of the walks that go on from the children at base ^ byte.
  std::size_t most_keys_below(std::size_t base, std::size_t depth);
  std::size_t most_keys_through(const Unit& unit, std::size_t place, std::size_t depth);
  void check_leaf(std::size_t place) const;

  std::vector<Unit> units_;
  std::string_view replacements_;
  std::vector<std::uint8_t> known_;  // by base: parts of the trie are shared
};

TrieCheck::TrieCheck(std::string_view trie, std::string_view replacements)
    : units_(trie.size() / sizeof(Unit)), replacements_(replacements), known_(units_.size(), kUnknown) {
  if (units_.empty() || trie.size() % sizeof(Unit) != 0) throw data_error("its table has no whole units");
  std::memcpy(units_.data(), trie.data(), trie.size());
}

std::size_t TrieCheck::most_keys_below(std::size_t base, std::size_t depth) {
  if ((base | (kBlock - 1)) >= units_.size()) throw data_error("its table leads out of itself");
  if (known_[base] == kInProgress || depth > kLongestKey) throw data_error("its table has no end");
  if (known_[base] != kUnknown) return known_[base];
  known_[base] = kInProgress;
  std::size_t most = 0;
  for (std::size_t byte = 0; byte < kBlock; ++byte) {
    const std::size_t place = base ^ byte;
    if (units_[place].label() == byte) most = std::max(most, most_keys_through(units_[place], place, depth));
  }
  if (most > kMostKeysOnAWalk) throw data_error("its table has too many keys that begin alike");
  known_[base] = static_cast<std::uint8_t>(most);
  return most;
}

std::size_t TrieCheck::most_keys_through(const Unit& unit, std::size_t place, std::size_t depth) {
  const std::size_t child = place ^ unit.offset();
  const std::size_t below = most_keys_below(child, depth + 1);
  if (unit.has_leaf()) check_leaf(child);
  return below + (unit.has_leaf() ? 1 : 0);
}

void TrieCheck::check_leaf(std::size_t place) const {
  const std::size_t begin = units_[place].value();
  if (begin >= replacements_.size()) throw data_error("its table leads out of its replacements");
  const std::string_view rest = replacements_.substr(begin);
  const std::size_t length = rest.find('\0');
  if (length > kLongestReplacement) throw data_error("a replacement in its table has no end");
  if (!is_utf8(rest.substr(0, length))) throw data_error("a replacement in its table is not UTF-8");
}

}  // namespace

void check_character_map(std::string_view map) {
  std::uint32_t trie_bytes = 0;
  if (map.size() <= sizeof trie_bytes) throw data_error("its table is cut off");
  std::memcpy(&trie_bytes, map.data(), sizeof trie_bytes);
  map.remove_prefix(sizeof trie_bytes);
  if (trie_bytes >= map.size()) throw data_error("its table is cut off");
  TrieCheck(map.substr(0, trie_bytes), map.substr(trie_bytes)).run();
}

}  // namespace dfm::encoders
