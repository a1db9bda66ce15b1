#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/json.h"
#include "support/errors.h"
#include "support/seed.h"
#include "support/temporary_folder.h"

namespace dfm {
namespace {

using testing::error_of;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Json, GivesTheDocumentOfTheLibrarysOwnParser) {
  const std::string text =
      R"( {"b": [1, -2, 3.5e2, true, false, null, {}, []], "a": {"text": "\u00e9\n\"", "": 0},
                               "large": 18446744073709551615, "small": -9223372036854775808} )";
  EXPECT_EQ(parse_json(text, "it").dump(), Json::parse(text).dump());
}

TEST(Json, AgreesWithTheLibrarysOwnParserOnRandomDamage) {
  std::mt19937 random(testing::announced_seed());
  const std::string sound =
      R"({"tensors":[{"shape":[2,3],"type":"F32"},{"shape":[],"ok":true}],"x":-1.5e-3})";
  for (int round = 0; round < 3000; ++round) {
    std::string text = sound;
    for (int change = 0; change < 2; ++change)
      text[random() % text.size()] = static_cast<char>(random() % 256);
    const Json expected = Json::parse(text, nullptr, false);
    try {
      EXPECT_EQ(parse_json(text, "it").dump(), expected.dump()) << text;
    } catch (const Error& error) {
      EXPECT_TRUE(expected.is_discarded() || std::string(error.what()).find("twice") != std::string::npos)
          << text;
    }
  }
}

TEST(Json, KeepsTheOrderOfKeys) {
  EXPECT_EQ(parse_json(R"({"z":1,"a":2,"m":3})", "it").dump(), R"({"z":1,"a":2,"m":3})");
}

TEST(Json, AcceptsAHundredLevelsAndRefusesMore) {
  const auto nested = [](int levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  EXPECT_TRUE(parse_json(nested(100), "it").is_array());
  EXPECT_THAT(error_of([&] { parse_json(nested(101), "it"); }).what(), HasSubstr("nested too deeply"));
  EXPECT_THAT(error_of([&] { parse_json(std::string(10'000'000, '['), "it"); }).what(),
              HasSubstr("nested too deeply"));
}

TEST(Json, RefusesAKeyThatComesTwice) {
  EXPECT_THAT(error_of([] { parse_json(R"({"a": {"k": 1, "j": 2, "k": 3}})", "it"); }).what(),
              HasSubstr("'k' comes twice"));
}

TEST(Json, TheSameKeyMayComeInSeveralObjects) {
  EXPECT_EQ(parse_json(R"([{"k": 1}, {"k": {"k": 2}}])", "it").size(), 2U);
}

TEST(Json, ManyKeysDoNotTakeLong) {  // the library compares each with all before it: an hour for these
  std::string text = "{";
  for (int i = 0; i < 500'000; ++i) text += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":0";
  EXPECT_EQ(parse_json(text + "}", "it").size(), 500'000U);
}

TEST(Json, BadTextIsADataErrorThatNamesWhatItWasAndWhere) {
  for (const char* const text :
       {"", "{", "[1,]", "{\"a\" 1}", "nul", "1 2", "\"\xff\"", "1e999", "{\"a\":1}x"}) {
    const Error error = error_of([&] { parse_json(text, "my.json"); });
    EXPECT_EQ(error.kind(), ExitCode::data) << text;
    EXPECT_THAT(error.what(), StartsWith("my.json is not JSON: ")) << text;
  }
  EXPECT_THAT(error_of([] { parse_json("{\n\"a\" 1}", "my.json"); }).what(), HasSubstr("line 2, column 5"));
}

TEST(Json, TheComplaintAboutAnEndlessTokenIsShort) {
  const std::string text = "\"" + std::string(1'000'000, 'x');
  EXPECT_LT(std::string(error_of([&] { parse_json(text, "it"); }).what()).size(), 500U);
}

TEST(Json, AFileIsNamedInItsErrors) {
  const testing::TemporaryFolder folder;
  testing::write_file(folder / "broken.json", "{");
  EXPECT_THAT(error_of([&] { read_json(folder / "broken.json"); }).what(), HasSubstr("broken.json"));
  EXPECT_THAT(error_of([&] { read_json(folder / "nowhere.json"); }).what(), HasSubstr("nowhere.json"));
}

TEST(Json, AFileLargerThanItsLimitIsRefused) {
  const testing::TemporaryFolder folder;
  testing::write_file(folder / "large.json", "[1,2,3]");
  EXPECT_EQ(read_json(folder / "large.json", 7).size(), 3U);
  EXPECT_EQ(error_of([&] { read_json(folder / "large.json", 6); }).kind(), ExitCode::data);
}

}  // namespace
}  // namespace dfm
