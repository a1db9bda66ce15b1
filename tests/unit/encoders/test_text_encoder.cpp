#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "encoders/text_encoder.h"

namespace dfm::encoders {
namespace {

Array encode(const std::string& text) {
  static const TextEncoder encoder = make_text_encoder({"hash"}, {});
  return encoder.encode(text);
}

std::vector<float> row(const Array& rows, std::int64_t index) {
  const auto all = to_floats(rows);
  return {all.begin() + 1024 * index, all.begin() + 1024 * (index + 1)};
}

TEST(HashTextEncoder, GivesOneRowOf1024Float16NumbersAWord) {
  EXPECT_EQ(make_text_encoder({"hash"}, {}).width, 1024);
  const Array rows = encode("a handwritten seven");
  EXPECT_EQ(rows.dtype, DType::float16);
  EXPECT_EQ(rows.shape, (Shape{3, 1024}));
}

TEST(HashTextEncoder, GivesAWordTheSameRowWhereverItStands) {
  const Array one = encode("blue butterfly on a blue flower"), other = encode("flower");
  EXPECT_EQ(row(one, 0), row(one, 4));
  EXPECT_EQ(row(one, 5), row(other, 0));
  EXPECT_NE(row(one, 0), row(one, 1));
}

TEST(HashTextEncoder, IgnoresCaseAndPunctuation) {
  EXPECT_EQ(encode("Hello, WORLD!").bytes, encode("hello world").bytes);
  EXPECT_EQ(encode("  (hello)\t\"world\"\n").bytes, encode("hello world").bytes);
  EXPECT_EQ(encode("semi-detached").shape, (Shape{2, 1024}));
}

TEST(HashTextEncoder, KeepsDigitsAndWordsOfOtherScripts) {
  EXPECT_EQ(encode("número 7").shape, (Shape{2, 1024}));
  EXPECT_EQ(encode("蝴蝶 花").shape, (Shape{2, 1024}));
  EXPECT_NE(encode("蝴").bytes, encode("蝶").bytes);
}

TEST(HashTextEncoder, GivesATextWithoutWordsOneRowOfZeros) {
  for (const char* const text : {"", "  ", "?!..."}) {
    const Array rows = encode(text);
    EXPECT_EQ(rows.shape, (Shape{1, 1024}));
    EXPECT_THAT(to_floats(rows), ::testing::Each(0.0F));
  }
}

TEST(HashTextEncoder, KeepsTheFirst512Words) {
  std::string text;
  for (int i = 0; i < 600; ++i) text += "w" + std::to_string(i) + " ";
  const Array rows = encode(text);
  EXPECT_EQ(rows.shape, (Shape{512, 1024}));
  EXPECT_EQ(row(rows, 511), row(encode("w511"), 0));
}

TEST(HashTextEncoder, RowsAreStandardNormalAndUnrelated) {
  const Array rows = encode("one two three four five six seven eight nine ten");
  double sum = 0, squares = 0;
  for (const float x : to_floats(rows)) {
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / 10240, 0, 0.05);
  EXPECT_NEAR(squares / 10240, 1, 0.07);
  const auto a = row(rows, 0), b = row(rows, 1);
  double product = 0;
  for (std::size_t i = 0; i < 1024; ++i) product += a[i] * b[i];
  EXPECT_NEAR(product / 1024, 0, 0.15);
}

TEST(MakeTextEncoder, TellsTheRowsThatItCutsToInTheFingerprint) {
  const TextEncoder whole = make_text_encoder({"hash"}, {}), cut = make_text_encoder({"hash", 2}, {});
  EXPECT_EQ(whole.fingerprint, "hash");
  EXPECT_EQ(cut.fingerprint, "hash 2 rows");
  EXPECT_EQ(cut.encode("one two three").shape, (Shape{2, 1024}));
}

TEST(MakeTextEncoder, RefusesNamesItDoesNotKnow) {
  try {
    make_text_encoder({"bert"}, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ExitCode::usage);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("'bert'"));
  }
}

}  // namespace
}  // namespace dfm::encoders
