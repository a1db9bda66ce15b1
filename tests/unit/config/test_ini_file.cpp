#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/layers.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace dfm {
namespace {

using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;

Layer read(const std::string& content) {
  const testing::TemporaryFolder folder;
  testing::write_file(folder / "my.ini", content);
  return read_ini_file(folder / "my.ini", "my.ini");
}

// "key=text" of each assignment.
std::vector<std::string> words(const std::string& content) {
  std::vector<std::string> found;
  for (const Assignment& assignment : read(content)) found.push_back(assignment.key + "=" + assignment.text);
  return found;
}

std::string refusal(const std::string& content) {
  const Error error = error_of([&] { read(content); });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  return error.what();
}

TEST(IniFile, KeysBelongToTheirSection) {
  EXPECT_THAT(words("seed = 1\n[train]\na = 2\nb=3\n[model]\na: 4\n"),
              ElementsAre("seed=1", "train.a=2", "train.b=3", "model.a=4"));
}

TEST(IniFile, AValueKnowsItsLine) {
  const Layer layer = read("; one\n\n[train]\na = 1\n\nb = 2");
  EXPECT_EQ(layer.at(0).origin, "my.ini:4");
  EXPECT_EQ(layer.at(1).origin, "my.ini:6");
}

TEST(IniFile, IndentedLinesAreKeysOfTheirOwn) {
  EXPECT_THAT(words("[checkpoint]\n  save = run1\n  keep = 2\n"),
              ElementsAre("checkpoint.save=run1", "checkpoint.keep=2"));
}

TEST(IniFile, CommentsBeginALineOrFollowABlank) {
  EXPECT_THAT(
      words(
          "; one\n# two\n  ; three\na = 1 ; four\nb = 2\t# five\n[s] ; six\nc = 3 ; four = 4\nd =; seven\n"),
      ElementsAre("a=1", "b=2", "s.c=3", "s.d="));
}

TEST(IniFile, ACommentSignInsideAWordIsPartOfIt) {
  EXPECT_THAT(words("a = x;y\nb = x#y\nc = http://host/#part;x\n"),
              ElementsAre("a=x;y", "b=x#y", "c=http://host/#part;x"));
}

TEST(IniFile, QuotesKeepWhatWouldBeLost) {
  EXPECT_THAT(words(R"(a = " b ; c # d "   ; comment)"
                    "\n"
                    R"(b = "line\nline \"q\" \u00e9")"),
              ElementsAre("a= b ; c # d ", "b=line\nline \"q\" \xc3\xa9"));
}

TEST(IniFile, QuotesThatDoNotEncloseTheValueStayInIt) {
  EXPECT_THAT(words("a = \"b\" and \"c\"\nb = 5\" disk\nc = \"open\n"),
              ElementsAre("a=\"b\" and \"c\"", "b=5\" disk", "c=\"open"));
}

TEST(IniFile, ListsMayHoldCommentSigns) {
  EXPECT_THAT(words(R"(a = ["x ; y", "z # \" ; "] ; comment)"), ElementsAre(R"(a=["x ; y", "z # \" ; "])"));
}

TEST(IniFile, AValueMayHoldEqualsSignsAndColons) {
  EXPECT_THAT(words("a = b=c:d\n[s]\nurl = http://x\n"), ElementsAre("a=b=c:d", "s.url=http://x"));
}

TEST(IniFile, LongLinesAreReadWhole) {
  const std::string prompt(100'000, 'x');
  EXPECT_THAT(words("[sample]\nprompts = " + prompt + "\n"), ElementsAre("sample.prompts=" + prompt));
}

TEST(IniFile, LineEndsOfOtherSystemsAndByteOrderMarksAreAccepted) {
  EXPECT_THAT(words("\xEF\xBB\xBF[s]\r\na = 1\r\n\r\nb = 2"), ElementsAre("s.a=1", "s.b=2"));
}

TEST(IniFile, AnEmptyFileIsAnEmptyLayer) {
  EXPECT_THAT(words(""), ElementsAre());
  EXPECT_THAT(words("\n\n; nothing"), ElementsAre());
}

TEST(IniFile, AMistakeIsNamedWithItsLine) {
  EXPECT_THAT(refusal("[s]\na = 1\nnonsense\n"), HasSubstr("my.ini:3 is neither [section] nor key = value"));
  EXPECT_THAT(refusal("[s\n"), HasSubstr("my.ini:1"));
  EXPECT_THAT(refusal("[s] t\n"), HasSubstr("my.ini:1"));
  EXPECT_THAT(refusal("\n= 3\n"), HasSubstr("my.ini:2"));
}

TEST(IniFile, AFileThatIsNoConfigurationIsRefused) {
  EXPECT_THAT(refusal(std::string("\x89PNG\r\n\x1a\n\0\0\0", 11)), HasSubstr("my.ini:1"));
  EXPECT_EQ(error_of([] { read(std::string(kLargestConfigFile + 1, '\n')); }).kind(), ExitCode::data);
}

TEST(IniFile, AFileThatIsNotThereIsAStorageError) {
  EXPECT_EQ(error_of([] { read_ini_file("/nowhere/my.ini", "my.ini"); }).kind(), ExitCode::storage);
}

}  // namespace
}  // namespace dfm
