// What .json parts say of samples.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "data/loader/description.h"
#include "unit/data/shards.h"

namespace dfm::data {
namespace {

using ::testing::AllOf;
using testing::error_of;
using ::testing::HasSubstr;

RawPart part(const std::string& extension, const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {extension, ByteRange::owning({bytes.begin(), bytes.end()})};
}

RawSample sample_with(const std::string& json, const std::string& extension = "json") {
  return {"000007", {part("txt", "a cat"), part(extension, json), part("pth", "")}};
}

TEST(DescriptionOf, IsTheValueOfTheJsonPart) {
  for (const char* const extension : {"json", ".json", "jsn"}) {
    EXPECT_EQ(description_of(sample_with(R"({"caption": "a cat", "height": 480})", extension)),
              (Json{{"caption", "a cat"}, {"height", 480}}));
  }
}

TEST(DescriptionOf, SaysWhichSampleHasNone) {
  for (const RawSample& sample : {sample_with("{", "json"), sample_with("{}", "meta.json"),
                                  sample_with(std::string((4U << 20U) + 1, ' '))}) {
    const auto error = error_of([&] { description_of(sample); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), ExitCode::data);
    EXPECT_THAT(error->what(), HasSubstr("sample 000007 cannot be described"));
  }
}

TEST(AestheticScore, IsANumberOrAnError) {
  EXPECT_EQ(aesthetic_score(sample_with(R"({"aesthetic_score": 4.5})")), 4.5);
  EXPECT_EQ(aesthetic_score(sample_with(R"({"aesthetic_score": 5})")), 5);
  for (const char* const json :
       {"{}", R"({"aesthetic_score": "5"})", R"({"aesthetic_score": NaN})", "[5]", "5"}) {
    EXPECT_THAT(error_of([&] { aesthetic_score(sample_with(json)); })->what(),
                AllOf(HasSubstr("sample 000007 cannot be used"), HasSubstr("no number aesthetic_score")))
        << json;
  }
}

}  // namespace
}  // namespace dfm::data
