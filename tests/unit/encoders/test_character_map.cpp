// Tables of characters made by hand, unit by unit (Darts-clone): what may be given to SentencePiece, and what
// would lead it out of bounds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "encoders/character_map.h"
#include "support/errors.h"
#include "unit/encoders/piece_model_bytes.h"

namespace dfm::encoders {
namespace {

using dfm::testing::error_of;
using dfm::testing::four_bytes;
using ::testing::HasSubstr;

constexpr std::uint32_t kNoChild = 0x80000000U;  // its label is that of no byte
constexpr std::uint32_t kHasLeaf = 1U << 8U;
constexpr std::uint32_t to_offset(std::uint32_t distance) { return distance << 10U; }

// Of one key, "A": the root at 0 leads to the children at 256 ^ byte, that of "A" to those at 512 ^ byte.
struct Trie {
  std::vector<std::uint32_t> units = std::vector<std::uint32_t>(768, kNoChild);
  std::string replacements{"\0a\0", 3};

  static constexpr std::size_t kOfA = 256 ^ 'A', kLeaf = 512;

  Trie() {
    units[0] = to_offset(256);
    units[kOfA] = to_offset(kOfA ^ kLeaf) | kHasLeaf | 'A';
    units[kLeaf] = kNoChild | 1U;  // where "a" begins
  }

  std::string bytes() const {
    std::string all = four_bytes(static_cast<std::uint32_t>(units.size() * 4));
    for (const std::uint32_t unit : units) all += four_bytes(unit);
    return all + replacements;
  }
};

void expect_refused(const std::string& map, const std::string& why) {
  const Error error = error_of([&] { check_character_map(map); });
  EXPECT_EQ(error.kind(), ExitCode::data);
  EXPECT_THAT(error.what(), HasSubstr(why));
}

TEST(CharacterMap, MayLeadFromAKeyToItsReplacement) { EXPECT_NO_THROW(check_character_map(Trie().bytes())); }

TEST(CharacterMap, MustNotLeadBehindItsUnits) {
  Trie trie;
  trie.units[Trie::kOfA] = to_offset(1024) | 'A';
  expect_refused(trie.bytes(), "leads out of itself");
  trie = Trie();
  trie.units.resize(700);
  expect_refused(trie.bytes(), "leads out of itself");
}

TEST(CharacterMap, MustNotLeadInACircle) {
  Trie trie;
  trie.units[Trie::kOfA] = to_offset(Trie::kOfA ^ 256) | 'A';
  expect_refused(trie.bytes(), "has no end");
}

TEST(CharacterMap, MustNotLeadBehindItsReplacements) {
  Trie trie;
  trie.units[Trie::kLeaf] = kNoChild | 3U;
  expect_refused(trie.bytes(), "leads out of its replacements");
}

TEST(CharacterMap, MustEndItsReplacements) {
  Trie trie;
  trie.replacements = std::string("\0a", 2);
  expect_refused(trie.bytes(), "has no end");
  trie.replacements = '\0' + std::string(65, 'a') + '\0';
  expect_refused(trie.bytes(), "has no end");
}

TEST(CharacterMap, MustReplaceByUtf8) {
  Trie trie;
  trie.replacements = std::string("\0\x80\0", 3);
  expect_refused(trie.bytes(), "not UTF-8");
}

// "A", "AA", "AAA", ...: block n + 1 holds the children of the key of n + 1 bytes.
TEST(CharacterMap, MustNotHaveMoreKeysThatBeginAlikeThanSentencePieceHasRoomFor) {
  const auto chain = [](std::size_t keys) {
    Trie trie;
    trie.units.assign(256 * (keys + 2), kNoChild | 1U);
    trie.units[0] = to_offset(256);
    for (std::size_t key = 1; key <= keys; ++key) {
      const std::size_t place = 256 * key ^ 'A', child = 256 * (key + 1);
      trie.units[place] = to_offset(static_cast<std::uint32_t>(place ^ child)) | kHasLeaf | 'A';
    }
    return trie.bytes();
  };
  EXPECT_NO_THROW(check_character_map(chain(32)));
  expect_refused(chain(33), "too many keys that begin alike");
}

TEST(CharacterMap, MustBeWhole) {
  const std::string map = Trie().bytes();
  for (const std::size_t size : {0, 3, 4, 100, 4 + 768 * 4}) expect_refused(map.substr(0, size), "cut off");
  expect_refused(four_bytes(0) + "a", "no whole units");
  expect_refused(four_bytes(3) + "abcd", "no whole units");
}

}  // namespace
}  // namespace dfm::encoders
