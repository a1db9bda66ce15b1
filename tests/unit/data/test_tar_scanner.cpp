// Offsets are given by the layout of the archives, block by block (spec/energon.md section 1.3).
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/data/shards.h"

namespace dfm::data::testing {
namespace {

using ::testing::HasSubstr;

TEST(TarScanner, GivesNameOffsetsAndSizeOfAMember) {
  const Walk found =
      walk(tar_member("d/1.txt", "hello") + tar_member("2.txt", std::string(513, 'y')) + tar_end());
  ASSERT_EQ(found.members.size(), 2U);
  const TarMember& member = found.members[1];
  EXPECT_EQ(member.name, "2.txt");
  EXPECT_TRUE(member.is_regular);
  EXPECT_EQ(member.member_offset, 1024U);
  EXPECT_EQ(member.content_offset, 1536U);
  EXPECT_EQ(member.content_size, 513U);
  EXPECT_EQ(found.end_offset, 1536U + 1024U);
  EXPECT_EQ(found.stop, TarStop::end_mark);
}

TEST(TarScanner, JoinsTheUstarPrefix) {
  EXPECT_EQ(walk(tar_header({.name = "b.txt", .prefix = "some/folder"}) + tar_end()).members[0].name,
            "some/folder/b.txt");
}

TEST(TarScanner, CountsExtendedHeadersAsPartOfTheMember) {
  const Walk found =
      walk(tar_member("a.txt") + pax_header({{"path", "long/é.txt"}, {"mtime", "1.5"}}) + tar_member("b") +
           gnu_long_name("gnu/" + std::string(200, 'n')) + tar_member("c") + tar_end());
  EXPECT_EQ(found.members[1].name, "long/é.txt");
  EXPECT_EQ(found.members[1].member_offset, 1024U);
  EXPECT_EQ(found.members[1].content_offset, 1024U + 3 * 512U);
  EXPECT_EQ(found.members[2].name, "gnu/" + std::string(200, 'n'));
  EXPECT_EQ(found.members[2].member_offset, 3072U);
  EXPECT_EQ(found.members[2].content_offset, 3072U + 3 * 512U);
}

TEST(TarScanner, LeavesAGlobalHeaderBeforeTheMember) {
  const Walk found = walk(pax_header({{"comment", "made by hand"}}, 'g') + tar_member("a.txt") + tar_end());
  EXPECT_EQ(found.members[0].member_offset, 1024U);
}

TEST(TarScanner, TakesTheSizeFromAPaxHeader) {
  const Walk found = walk(pax_header({{"size", "600"}}) + tar_header({.name = "a.txt"}) +
                          padded(std::string(600, 'z')) + tar_member("b.txt") + tar_end());
  EXPECT_EQ(found.members[0].content_size, 600U);
  EXPECT_EQ(found.members[1].member_offset, 1536U + 1024U);
}

TEST(TarScanner, ReadsSizesInBase256) {
  const std::string field = "\x80" + zeros(9) + "\x02\x58";  // 600
  const Walk found =
      walk(tar_header({.name = "a.txt", .size_field = field}) + padded(std::string(600, 'z')) + tar_end());
  EXPECT_EQ(found.members[0].content_size, 600U);
}

TEST(TarScanner, KnowsWhichTypesAreFilesAndWhichHaveAPayload) {
  const Walk found = walk(tar_member("contiguous", "c", '7') + tar_member("old", "o", '\0') +
                          tar_header({.name = "dir/", .type = '\0'}) +
                          tar_header({.name = "link", .size = 700, .type = '2'}) +
                          tar_member("volume", "v", 'V') + tar_end());
  std::vector<bool> regular;
  for (const TarMember& member : found.members) regular.push_back(member.is_regular);
  EXPECT_EQ(regular, (std::vector{true, true, false, false, false}));
  EXPECT_EQ(found.end_offset, 8 * 512U);
}

TEST(TarScanner, SaysWhereAndWhyAnArchiveEnds) {
  const std::string whole = tar_member("a.txt");
  EXPECT_EQ(walk(whole).stop, TarStop::end_of_file);
  EXPECT_EQ(walk(whole + "tail").stop, TarStop::cut_header);
  EXPECT_EQ(walk(whole + zeros(512)).stop, TarStop::end_mark);
  const Walk damaged = walk(whole + std::string(512, '\1') + tar_member("b.txt"));
  EXPECT_EQ(damaged.stop, TarStop::bad_header);
  EXPECT_EQ(damaged.end_offset, 1024U);
  EXPECT_EQ(damaged.members.size(), 1U);
}

TEST(TarScanner, NoticesAnArchiveBehindTheEndMark) {
  const std::string two = tar_member("a.txt") + tar_end() + tar_member("b.txt") + tar_end();
  TarScanner scanner{TarSource(std::as_bytes(std::span(two)), 0)};
  while (scanner.next()) {
  }
  EXPECT_TRUE(scanner.has_data_after_end());
}

TEST(TarScanner, ReadsTheMapsOfSparseFiles) {
  const std::string map = padded("1\n1024\n512\n");
  const Walk found = walk(pax_header({{"GNU.sparse.major", "1"},
                                      {"GNU.sparse.minor", "0"},
                                      {"GNU.sparse.name", "s.txt"},
                                      {"GNU.sparse.realsize", "3000"}}) +
                          tar_header({.name = "x", .size = 1024}) + map + std::string(512, 's') + tar_end());
  EXPECT_EQ(found.members[0].name, "s.txt");
  EXPECT_EQ(found.members[0].content_size, 3000U);
  EXPECT_EQ(found.members[0].pieces, (std::vector<SparsePiece>{{1024, 512}}));
  EXPECT_EQ(found.members[0].content_offset, 1024U + 512U + 512U);
  EXPECT_EQ(found.end_offset, 1024U + 512U + 1024U);
}

// Bytes that this process has asked the system for.
std::uint64_t bytes_read_so_far() {
  std::ifstream io("/proc/self/io");
  std::string word;
  std::uint64_t count = 0;
  io >> word >> count;
  return word == "rchar:" ? count : 0;
}

TEST(TarScanner, ReadsOnlyHeadersWherePayloadsAreLarge) {
  static constexpr std::uint64_t kPayload = 64U << 20U;
  const TemporaryFolder folder;
  {
    std::ofstream out(folder / "big.tar");
    for (std::uint64_t i = 0; i < 20; ++i) {
      out.seekp(static_cast<std::streamoff>(i * (512 + kPayload)));  // the payloads are holes
      out << tar_header({.name = fmt::format("{}.bin", i), .size = kPayload});
    }
  }
  std::filesystem::resize_file(folder / "big.tar", 20 * (512 + kPayload));
  const File file = File::open_to_read(folder / "big.tar");
  const std::uint64_t before = bytes_read_so_far();
  TarScanner scanner{TarSource(file)};
  int members = 0;
  while (scanner.next()) ++members;
  EXPECT_EQ(members, 20);
  EXPECT_LT(bytes_read_so_far() - before, 200'000U);
}

TEST(TarScanner, RefusesAPayloadThatReachesPastTheEnd) {
  const auto error =
      error_of([] { walk(tar_member("a.txt") + tar_header({.name = "b.txt", .size = 5000}) + zeros(1024)); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ExitCode::data);
  EXPECT_THAT(error->what(), HasSubstr("byte 1024: b.txt should end at byte 6656, but there are only 2560"));
}

TEST(TarScanner, RefusesWhatDoesNotBeginWithAHeader) {
  EXPECT_TRUE(error_of([] { walk("hello"); }));
  EXPECT_TRUE(error_of([] { walk(std::string(2000, 'x')); }));
  EXPECT_TRUE(error_of([] { walk(""); }));
}

TEST(TarScanner, RefusesAnExtendedHeaderWithoutAMember) {
  for (const std::string& extension :
       {pax_header({{"path", "p"}}), gnu_long_name("n"), pax_header({{"a", "b"}}, 'g')}) {
    EXPECT_TRUE(error_of([&] { walk(tar_member("a.txt") + extension); }));
    EXPECT_TRUE(error_of([&] { walk(tar_member("a.txt") + extension + tar_end()); }));
  }
}

}  // namespace
}  // namespace dfm::data::testing
