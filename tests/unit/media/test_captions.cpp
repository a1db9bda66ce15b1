// Captions from tables and side files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "media/captions.h"
#include "unit/media/support.h"

namespace dfm::media {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;
using Texts = std::map<std::string, std::string>;

Listing listing_of(std::vector<std::string> images, Texts texts) {
  Listing listing;
  listing.root = "photos";
  listing.images = std::move(images);
  listing.texts = std::move(texts);
  return listing;
}

// The caption of a.png.
std::optional<std::string> caption_with(Texts texts) {
  Listing listing = listing_of({"a.png"}, std::move(texts));
  return find_captions(listing).at(0);
}

std::string error_with(const Texts& texts) {
  return data_error_of([&] { caption_with(texts); });
}

std::vector<std::string> warnings_with(Texts texts) {
  Listing listing = listing_of({"a.png"}, std::move(texts));
  find_captions(listing);
  return std::move(listing.warnings).take();
}

struct CaptionCase {
  std::string name;
  Texts texts;
  std::optional<std::string> caption;
};

class Caption : public ::testing::TestWithParam<CaptionCase> {};
TEST_P(Caption, IsFound) { EXPECT_EQ(caption_with(GetParam().texts), GetParam().caption); }
INSTANTIATE_TEST_SUITE_P(
    Sources, Caption,
    ::testing::Values(
        CaptionCase{"Nowhere", {}, std::nullopt},
        CaptionCase{"TextFile", {{"a.txt", " a rose\r\n"}}, "a rose"},
        CaptionCase{"TextFileWithByteOrderMark", {{"a.txt", "\xEF\xBB\xBFrose"}}, "rose"},
        CaptionCase{"BlankTextFile", {{"a.txt", " \n"}}, std::nullopt},
        CaptionCase{"TextFileInCapitals", {{"a.TXT", "rose"}}, "rose"},
        CaptionCase{"TextFileOfAnotherImage", {{"b.txt", "rose"}, {"b/a.txt", "rose"}}, std::nullopt},
        CaptionCase{"JsonCaption", {{"a.json", R"({"text": "t", "caption": "gr\u00fcn"})"}}, "gr\xC3\xBCn"},
        CaptionCase{"JsonText", {{"a.json", R"({"caption": 3, "text": "t"})"}}, "t"},
        CaptionCase{"JsonWithout", {{"a.json", R"({"url": "x"})"}}, std::nullopt},
        CaptionCase{"JsonOfAnotherKind", {{"a.json", "[1, 2]"}}, std::nullopt},
        CaptionCase{"TextBeforeJson", {{"a.json", R"({"caption": "j"})"}, {"a.txt", "t"}}, "t"},
        CaptionCase{"JsonBehindBlankText", {{"a.json", R"({"caption": "j"})"}, {"a.txt", ""}}, "j"},
        CaptionCase{"Csv", {{"metadata.csv", "file_name,text\na.png,\"a, b\"\n"}}, "a, b"},
        CaptionCase{
            "CsvColumnsInAnotherOrder", {{"metadata.csv", "id,text,file_name\r\n7,rose,a.png\r\n"}}, "rose"},
        CaptionCase{"CsvWithByteOrderMark",
                    {{"metadata.csv", "\xEF\xBB\xBF\"file_name\",text\na.png,rose\n"}},
                    "rose"},
        CaptionCase{"CsvWithDotInFront", {{"metadata.csv", "file_name,text\n./a.png,rose\n"}}, "rose"},
        CaptionCase{
            "JsonLines", {{"metadata.jsonl", "\n{\"file_name\":\"a.png\",\"text\":\"rose\"}\r\n"}}, "rose"},
        CaptionCase{
            "TableBeforeSideFile", {{"metadata.csv", "file_name,text\na.png,t\n"}, {"a.txt", "s"}}, "t"},
        CaptionCase{
            "SideFileBehindBlankRow", {{"metadata.csv", "file_name,text\na.png, \n"}, {"a.txt", "s"}}, "s"}),
    [](const auto& each) { return each.param.name; });

TEST(Captions, OfATableAreRelativeToItsFolder) {
  Listing listing = listing_of({"x/a.png", "x/y/a.png", "a.png"},
                               {{"x/metadata.csv", "file_name,text\na.png,1\ny/a.png,2\n"}});
  EXPECT_THAT(find_captions(listing),
              ElementsAre(Optional(std::string("1")), Optional(std::string("2")), std::nullopt));
  EXPECT_THAT(std::move(listing.warnings).take(), IsEmpty());
}

TEST(Captions, AreSharedByImagesOfTheSameStem) {
  Listing listing = listing_of({"a.jpg", "a.png"}, {{"a.txt", "rose"}});
  EXPECT_THAT(find_captions(listing),
              ElementsAre(Optional(std::string("rose")), Optional(std::string("rose"))));
}

TEST(CaptionWarning, NamesRowsWithoutAnImage) {
  EXPECT_THAT(warnings_with({{"metadata.csv", "file_name,text\nb.png,rose\n../a.png,rose\n/a.png,rose\n"}}),
              ElementsAre("photos/metadata.csv:2: there is no image 'b.png'",
                          "photos/metadata.csv:3: there is no image '../a.png'",
                          "photos/metadata.csv:4: there is no image '/a.png'"));
}

TEST(CaptionWarning, NamesASecondRowOfAnImage) {
  EXPECT_THAT(warnings_with({{"metadata.csv", "file_name,text\na.png,1\na.png,2\n"}}),
              ElementsAre("photos/metadata.csv:3: 'a.png' has a caption already"));
}

TEST(CaptionWarning, NamesAJsonFileWithoutCaption) {
  EXPECT_THAT(warnings_with({{"a.json", "{}"}}), ElementsAre(HasSubstr("photos/a.json: no string under")));
}

TEST(CaptionError, NamesATableThatIsNotUtf8) {
  EXPECT_EQ(error_with({{"metadata.csv", "file_name,text\na.png,ros\xE9\n"}}),
            "photos/metadata.csv is not UTF-8");
}

TEST(CaptionError, NamesWhatIsMissingFromATable) {
  EXPECT_EQ(error_with({{"metadata.csv", ""}}), "photos/metadata.csv:1: there is no column 'file_name'");
  EXPECT_EQ(error_with({{"metadata.csv", "file_name,caption\n"}}),
            "photos/metadata.csv:1: there is no column 'text'");
  EXPECT_EQ(error_with({{"metadata.csv", "file_name,text\n\na.png,red, green\n"}}),
            "photos/metadata.csv:3: 3 fields, but the header has 2");
  EXPECT_EQ(error_with({{"metadata.jsonl", "{\"file_name\":\"a.png\"}\n"}}),
            "photos/metadata.jsonl:1: no string under \"text\"");
  EXPECT_THAT(error_with({{"metadata.jsonl", "\n{\"file_name\":"}}),
              HasSubstr("photos/metadata.jsonl:2 is not JSON"));
  EXPECT_EQ(error_with({{"metadata.jsonl", "[]"}}), "photos/metadata.jsonl:1: no string under \"file_name\"");
}

TEST(CaptionWarning, NamesASideFileThatIsDamagedAndGoesOn) {
  EXPECT_THAT(warnings_with({{"a.txt", "ros\xE9"}}), ElementsAre(HasSubstr("photos/a.txt is not UTF-8")));
  EXPECT_THAT(warnings_with({{"a.json", "{"}}), ElementsAre(HasSubstr("photos/a.json is not JSON")));
  EXPECT_EQ(caption_with({{"a.txt", "ros\xE9"}, {"a.json", R"({"caption": "rose"})"}}), "rose");
}

TEST(CaptionWarning, DoesNotConcernFilesOfNoImage) {
  EXPECT_THAT(warnings_with({{"b.txt", "\xFF"}, {"b.json", "{"}}), IsEmpty());
}

}  // namespace
}  // namespace dfm::media
