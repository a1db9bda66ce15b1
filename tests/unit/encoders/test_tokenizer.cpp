// The tokenizer on models made by hand. Real models, and Hugging Face's tokenizer, are in tests/interop.
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "encoders/tokenizer.h"
#include "support/errors.h"
#include "support/temporary_folder.h"
#include "unit/encoders/piece_model_bytes.h"

namespace dfm::encoders {
namespace {

using namespace dfm::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tokenizer tokenizer_of(const std::string& model) {
  const TemporaryFolder folder;
  folder.write("spiece.model", model);
  return Tokenizer(folder.path());
}

std::vector<std::int64_t> encode(std::string_view caption, std::int64_t most = 100) {
  return tokenizer_of(small_model()).encode(caption, most);
}

void expect_refused(const std::string& model, const std::string& why) {
  const Error error = error_of([&] { tokenizer_of(model); });
  EXPECT_EQ(error.kind(), ExitCode::data);
  EXPECT_THAT(error.what(), HasSubstr("spiece.model is damaged, or no model of T5"));
  EXPECT_THAT(error.what(), HasSubstr(why));
}

TEST(Tokenizer, TakesThePiecesWhoseScoresHaveTheLargestSum) {
  EXPECT_THAT(encode("ab"), ElementsAre(3, 7, 1));
}

TEST(Tokenizer, GivesAnEmptyCaptionTheEndTokenAlone) {
  EXPECT_THAT(encode(""), ElementsAre(1));
  EXPECT_THAT(encode("   "), ElementsAre(1));
}

TEST(Tokenizer, TakesRunsOfBlanksForOne) { EXPECT_EQ(encode("  a   ab "), encode("a ab")); }

TEST(Tokenizer, CutsACaptionBeforeItsEndToken) {
  EXPECT_THAT(encode("ababab", 3), ElementsAre(3, 7, 1));
  EXPECT_THAT(encode("ababab", 1), ElementsAre(1));
}

TEST(Tokenizer, CountsEveryByteThatIsNotUtf8AsOneReplacementCharacter) {
  EXPECT_EQ(encode("a\xFF\xC3"), encode("a\xEF\xBF\xBD\xEF\xBF\xBD"));
  EXPECT_THAT(encode("a\xFF"), ElementsAre(3, 8, 1));
}

TEST(Tokenizer, TakesZeroBytesForUnknownCharacters) {
  EXPECT_THAT(encode(std::string_view("a\0b", 3)), ElementsAre(3, 2, 7, 1));
}

TEST(Tokenizer, TakesNamesOfSpecialTokensForText) {
  const auto ids = encode("</s>a");
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 1), 1);
}

TEST(Tokenizer, RefusesACaptionOfMoreThan16MiB) {
  const Tokenizer tokenizer = tokenizer_of(small_model());
  const std::string caption((16U << 20U) + 1, 'a');
  EXPECT_EQ(error_of([&] { tokenizer.encode(caption, 5); }).kind(), ExitCode::data);
}

TEST(Tokenizer, KnowsItsModelByAFingerprint) {
  const std::string other = small_model() + piece("c", -2);
  EXPECT_EQ(tokenizer_of(small_model()).fingerprint(), tokenizer_of(small_model()).fingerprint());
  EXPECT_NE(tokenizer_of(small_model()).fingerprint(), tokenizer_of(other).fingerprint());
}

TEST(Tokenizer, WithoutAModelIsAUsageError) {
  const TemporaryFolder folder;
  const Error error = error_of([&] { Tokenizer tokenizer(folder.path()); });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.what(), HasSubstr("spiece.model is not there"));
}

TEST(Tokenizer, RefusesModelsOfOtherKinds) {
  constexpr std::uint64_t kBpe = 2;
  expect_refused(small_model() + bytes_field(2, varint_field(3, kBpe)), "it is of kind 2, not 1 (unigram)");
}

TEST(Tokenizer, RefusesPiecesThatAreNoText) {
  for (const std::string& text :
       {std::string("\xFF"), std::string("a\0b", 3), std::string(), std::string(513, 'a')})
    expect_refused(small_model() + piece(text, -1), "is no text");
}

TEST(Tokenizer, RefusesScoresThatAreNotFinite) {
  expect_refused(small_model() + piece("c", std::numeric_limits<float>::quiet_NaN()),
                 "the piece c has the score nan");
}

TEST(Tokenizer, RefusesPiecesOfUnknownTypes) {
  expect_refused(small_model() + piece("c", 0, 7), "the piece c is of type 7");
}

TEST(Tokenizer, RefusesAModelWithoutAnEndTokenOrAnUnknownOne) {
  expect_refused(piece("<unk>", 0, kUnknownPiece) + piece("a", -1), "it has no end token");
  expect_refused(piece("</s>", 0, kControlPiece) + piece("a", -1), "unk is not defined");
}

TEST(Tokenizer, RefusesAPieceThatIsThereTwice) {
  expect_refused(small_model() + piece("b", -1), "already defined");
}

TEST(Tokenizer, RefusesAnEmptyModel) { expect_refused("", "unk is not defined"); }

TEST(Tokenizer, RefusesAModelThatIsCutOffWithinAPiece) {
  const std::string model = small_model();
  expect_refused(model.substr(0, model.size() - 1), "1 bytes are missing");
}

}  // namespace
}  // namespace dfm::encoders
