// JSON as Python's json module writes it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/python_json.h"
#include "support/errors.h"

namespace dfm {
namespace {

using dfm::testing::error_of;
using ::testing::HasSubstr;

std::string again(std::string_view text) { return parse_python_json(text, "it").dump(); }

TEST(PythonJson, TakesNoNumbersForNull) {
  EXPECT_EQ(again(R"([NaN, Infinity, -Infinity, {"a":NaN}, -1])"), R"([null,null,null,{"a":null},-1])");
  EXPECT_EQ(again("NaN"), "null");
}

TEST(PythonJson, LeavesWordsInStringsAlone) {
  EXPECT_EQ(again(R"({"NaN":"\"NaN, Infinity\\","b":NaN})"), R"({"NaN":"\"NaN, Infinity\\","b":null})");
}

TEST(PythonJson, KeepsTheLastOfRepeatedKeysInThePlaceOfTheFirst) {
  EXPECT_EQ(again(R"({"a":1,"b":2,"a":{"c":3,"c":4}})"), R"({"a":{"c":4},"b":2})");
}

TEST(PythonJson, RefusesWhatPythonRefuses) {
  for (const char* const text : {"", "{", "[1,]", "NaNNaN", "-NaN", "+Infinity", "--Infinity", "nan", "'a'",
                                 "{\"a\":NaN", "\"NaN", "\"a\\", "[1] 2", "\"\xff\""}) {
    const Error error = error_of([&] { parse_python_json(text, "1.json"); });
    EXPECT_EQ(error.kind(), ExitCode::data) << text;
    EXPECT_THAT(error.what(), HasSubstr("1.json is not JSON")) << text;
  }
}

}  // namespace
}  // namespace dfm
