// Names inside a source, and text that may not be UTF-8.
#include <gtest/gtest.h>

#include "core/text.h"
#include "media/entry_name.h"
#include "media/warnings.h"

namespace dfm::media {
namespace {

TEST(CleanName, DropsDotsAndEmptyParts) {
  EXPECT_EQ(clean_name("a/b.png"), "a/b.png");
  EXPECT_EQ(clean_name("./a//./b.png"), "a/b.png");
  EXPECT_EQ(clean_name("a/..b/c..png"), "a/..b/c..png");
  EXPECT_EQ(clean_name("folder/"), "folder");
}

TEST(CleanName, RefusesWhatLeadsElsewhere) {
  for (const char* name :
       {"/etc/a.png", "..", "../a.png", "a/../../b.png", "a/..", "", ".", "./", "a\xFF.png"}) {
    EXPECT_EQ(clean_name(name), std::nullopt) << name;
  }
}

TEST(Name, HasAStemAndAnExtension) {
  EXPECT_EQ(stem_of("a.b/c.d.JPG"), "a.b/c.d");
  EXPECT_EQ(extension_of("a.b/c.d.JPG"), "jpg");
  EXPECT_EQ(stem_of("a.b/c"), "a.b/c");
  EXPECT_EQ(extension_of("a.b/c"), "");
  EXPECT_EQ(extension_of("a/.png"), "");
  EXPECT_EQ(extension_of("a."), "");
  EXPECT_EQ(folder_of("a/b/c.png"), "a/b/");
  EXPECT_EQ(last_part_of("c.png"), "c.png");
}

TEST(Name, IsAnImageByItsExtension) {
  for (const char* name : {"a.png", "a.JPG", "a.Jpeg", "a.webp", "a.bmp", "a.tif", "a.tiff", "b/a.GIF"}) {
    EXPECT_TRUE(is_image_name(name)) << name;
  }
  for (const char* name : {"a.txt", "png", "a.png.part", ".png", "a.png/b"})
    EXPECT_FALSE(is_image_name(name)) << name;
}

TEST(Name, IsHiddenBehindADot) {
  EXPECT_TRUE(is_hidden(".a.png"));
  EXPECT_TRUE(is_hidden("__MACOSX/._a.png"));
  EXPECT_FALSE(is_hidden("a.b/c.png"));
}

// Borders of the table in RFC 3629, section 4.
TEST(Utf8, IsWhatRfc3629Allows) {
  for (const char* text : {"", "a", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
                           "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "gr\xC3\xBC\xC3\x9F"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
  for (const char* text : {"\x80", "\xC1\xBF", "\xC2", "\xC2\x41", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xE2\x82",
                           "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "a\xFF"}) {
    EXPECT_FALSE(is_utf8(text)) << text;
  }
}

TEST(Printable, ShowsWhatATerminalWouldObey) {
  EXPECT_EQ(printable("gr\xC3\xBCn\x1B[2J"), "gr\xC3\xBCn\\x1B[2J");
  EXPECT_EQ(printable("a\xFF\n"), "a\\xFF\\x0A");
}

TEST(Trimmed, HasNoWhiteSpaceAround) {
  EXPECT_EQ(trimmed(" \t a b\r\n"), "a b");
  EXPECT_EQ(trimmed(" \n"), "");
}

TEST(Warnings, KeepTheFirstHundredAndCountTheRest) {
  Warnings warnings;
  for (int i = 0; i < 123; ++i) warnings.add(std::to_string(i));
  const auto texts = std::move(warnings).take();
  ASSERT_EQ(texts.size(), 101U);
  EXPECT_EQ(texts[99], "99");
  EXPECT_EQ(texts[100], "and 23 more");
}

}  // namespace
}  // namespace dfm::media
