#include <gtest/gtest.h>

#include "core/hash.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace dfm {
namespace {

// Of the reference implementation's own test (xxHash/tests/sanity_test_vectors.h, XXH3 without a seed) and
// its README.
TEST(Hash, GivesTheKnownValueOfNothing) { EXPECT_EQ(hex(hash64(std::string_view())), "2d06800538d394c2"); }

TEST(Hash, TextAndBytesHaveTheSameHash) {
  const std::string text = "a handwritten seven";
  EXPECT_EQ(hash64(text), hash64(std::as_bytes(std::span(text))));
}

TEST(Hash, HexHasSixteenDigits) {
  EXPECT_EQ(hex(0), "0000000000000000");
  EXPECT_EQ(hex(0xABCULL), "0000000000000abc");
  EXPECT_EQ(hex(~0ULL), "ffffffffffffffff");
}

TEST(Hash, AFileHasTheHashOfItsContentWhateverItsLength) {
  constexpr std::size_t kPiece = 4U << 20U;  // what hash_file reads at a time
  const testing::TemporaryFolder folder;
  std::string content(2 * kPiece + 3, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 2654435761U >> 13U);
  for (const std::size_t length : {std::size_t{0}, std::size_t{1}, std::size_t{240}, std::size_t{241},
                                   kPiece - 1, kPiece, kPiece + 1, 2 * kPiece, 2 * kPiece + 3}) {
    testing::write_file(folder / "file", content.substr(0, length));
    EXPECT_EQ(hash_file(folder / "file"), hash64(std::string_view(content).substr(0, length))) << length;
  }
}

TEST(Hash, AFileThatCannotBeReadIsAStorageError) {
  const testing::TemporaryFolder folder;
  EXPECT_EQ(testing::error_of([&] { hash_file(folder / "nowhere"); }).kind(), ExitCode::storage);
  EXPECT_EQ(testing::error_of([&] { hash_file(folder.path()); }).kind(), ExitCode::storage);
}

}  // namespace
}  // namespace dfm
