#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/html.h"

namespace dfm::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(EscapeHtml, ReplacesWhatHasAMeaning) {
  EXPECT_EQ(escape_html("<a href=\"x\" id='y'>&</a>"),
            "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;&lt;/a&gt;");
}

TEST(EscapeHtml, ReplacesControlCharacters) {
  EXPECT_EQ(escape_html(std::string_view("a\0b\x1B\n\tc", 7)),
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD\n\tc");
}

TEST(EscapeHtml, LeavesOtherTextAlone) { EXPECT_EQ(escape_html("Zürich, 猫 1+1"), "Zürich, 猫 1+1"); }

// RFC 3986, sections 2.1 and 2.3.
TEST(FileUrl, EncodesWhatIsNotUnreserved) {
  EXPECT_EQ(file_url("a b/c?d#e%\"ü.png"), "./a%20b/c%3Fd%23e%25%22%C3%BC.png");
  EXPECT_EQ(file_url("00001_x-y~.mp4"), "./00001_x-y~.mp4");
}

TEST(FileUrl, IsNeverAnotherKindOfUrl) {
  EXPECT_EQ(file_url("javascript:alert(1)"), "./javascript%3Aalert%281%29");
  EXPECT_EQ(file_url("//example.org/x.png"), ".///example.org/x.png");
}

TEST(FactsHtml, IsEmptyForNoFacts) { EXPECT_EQ(facts_html({}), ""); }

TEST(FactsHtml, EscapesNamesAndValues) {
  EXPECT_THAT(facts_html({{"<n>", "<v>"}}), HasSubstr("<dt>&lt;n&gt;</dt><dd>&lt;v&gt;</dd>"));
}

TEST(PageHtml, EscapesItsTitle) {
  const std::string page = page_html("<e>", "<t>", "");
  EXPECT_THAT(page, HasSubstr("<title>&lt;t&gt;</title>"));
  EXPECT_THAT(page, Not(HasSubstr("<t>")));
  EXPECT_THAT(page, Not(HasSubstr("<e>")));
}

TEST(PageHtml, ForbidsScriptsAndTheNetwork) {
  EXPECT_THAT(page_html("", "", ""), HasSubstr("default-src 'none'"));
  EXPECT_THAT(page_html("", "", ""), Not(HasSubstr("http:")));
  EXPECT_THAT(page_html("", "", ""), Not(HasSubstr("https:")));
}

}  // namespace
}  // namespace dfm::report
