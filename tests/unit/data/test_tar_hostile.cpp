// Archives that lie. None may crash, hang, take memory, or give offsets that do not lie in them.
#include <cstdlib>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/tar/tar_content.h"
#include "unit/data/shards.h"

namespace dfm::data::testing {
namespace {

void expect_inside(std::string_view archive) {
  Walk found;
  if (error_of([&] { found = walk(archive); })) return;
  std::uint64_t last = 0;
  for (const TarMember& member : found.members) {
    EXPECT_GE(member.member_offset, last);
    EXPECT_GT(member.content_offset, member.member_offset);
    EXPECT_LE(member.content_offset, member.next_offset + (member.is_sparse ? archive.size() : 0));
    EXPECT_LE(member.next_offset, archive.size());
    EXPECT_GT(member.next_offset, member.member_offset);
    last = member.next_offset;
    if (member.is_regular) error_of([&] { content_of(member, std::as_bytes(std::span(archive)), 0); });
  }
  EXPECT_EQ(found.end_offset, last);
}

std::string everything() {
  return pax_header({{"comment", "g"}}, 'g') + tar_member("a.txt", std::string(700, 'a')) +
         pax_header({{"path", "p/q.txt"}, {"size", "600"}}) + tar_header({.name = "b"}) +
         padded(std::string(600, 'b')) + gnu_long_name(std::string(300, 'n') + ".txt") + tar_member("c") +
         pax_header({{"GNU.sparse.major", "1"}, {"GNU.sparse.minor", "0"}, {"GNU.sparse.realsize", "3000"}}) +
         tar_header({.name = "s.txt", .size = 1024}) + padded("1\n1024\n512\n") + std::string(512, 's') +
         pax_header({{"GNU.sparse.map", "0,100,1024,412"}, {"GNU.sparse.size", "2048"}}) +
         tar_header({.name = "t.txt", .size = 512}) + std::string(512, 't') + tar_end();
}

TEST(HostileTar, IsCutAnywhere) {
  const std::string whole = everything();
  for (std::size_t length = 0; length < whole.size(); length += 7) expect_inside(whole.substr(0, length));
}

TEST(HostileTar, HasRandomDamageUnderRightChecksums) {
  const char* const given = std::getenv("DFM_TEST_SEED");
  const unsigned seed = given == nullptr ? 20260801U : static_cast<unsigned>(std::atoi(given));
  SCOPED_TRACE(fmt::format("DFM_TEST_SEED={}", seed));
  std::mt19937 random(seed);
  const std::string whole = everything();
  for (int round = 0; round < 20000; ++round) {
    std::string archive = whole;
    for (unsigned i = 0; i <= random() % 4; ++i)
      archive[random() % archive.size()] = static_cast<char>(random());
    for (std::size_t block = 0; block + kBlock <= archive.size(); block += kBlock) {
      if (archive.compare(block + 257, 5, "ustar") == 0)
        archive.replace(block, kBlock, checked(archive.substr(block, kBlock)));
    }
    expect_inside(archive);
  }
}

TEST(HostileTar, ClaimsSizesNearTheEndOfTheNumbers) {
  for (const std::string& field :
       {std::string(11, '7') + " ", "\x80" + std::string(3, '\0') + "\x7f" + std::string(7, '\xff'),
        "\x80" + std::string(11, '\xff'), std::string(12, '\xff'), std::string("-1          ")}) {
    EXPECT_TRUE(error_of([&] { walk(tar_header({.name = "a", .size_field = field}) + zeros(4096)); }))
        << field;
  }
  for (const char* const size : {"9223372036854775807", "9223372036854775808", "18446744073709551615",
                                 "99999999999999999999999", "-1"}) {
    EXPECT_TRUE(error_of([&] {
      walk(pax_header({{"size", size}}) + tar_member("a.txt") + tar_end());
    })) << size;
  }
}

TEST(HostileTar, HasPaxRecordsWithFalseLengths) {
  for (const char* const text :
       {"0 path=x\n", "5 path=x\n", "999 path=x\n", "99999999999999999999 path=x\n", "7 path=xyz\n"}) {
    const std::string header =
        tar_header({.name = "pax", .size = std::string_view(text).size(), .type = 'x'}) + padded(text);
    EXPECT_TRUE(error_of([&] { walk(header + tar_member("a.txt") + tar_end()); })) << text;
  }
}

TEST(HostileTar, HasNothingButExtendedHeaders) {
  std::string archive;
  for (int i = 0; i < 5000; ++i) archive += pax_header({{"path", "x"}});
  EXPECT_TRUE(error_of([&] { walk(archive + tar_member("a.txt")); }));
}

TEST(HostileTar, HasASparseFileOfManyPetabytes) {
  const std::string archive =
      pax_header({{"GNU.sparse.map", "0,512"}, {"GNU.sparse.size", "4611686018427387904"}}) +
      tar_member("s.txt", std::string(512, 's')) + tar_end();
  const Walk found = walk(archive);
  EXPECT_TRUE(error_of([&] { content_of(found.members.at(0), std::as_bytes(std::span(archive)), 0); }));
}

TEST(HostileTar, HasASparseMapThatDoesNotFit) {
  for (const char* const map :
       {"0,513", "2000,512", "18446744073709551615,1", "0,512,0,512", "9223372036854775807,512"}) {
    const std::string archive = pax_header({{"GNU.sparse.map", map}, {"GNU.sparse.size", "2048"}}) +
                                tar_member("s.txt", std::string(512, 's')) + tar_end();
    EXPECT_TRUE(error_of([&] {
      content_of(walk(archive).members.at(0), std::as_bytes(std::span(archive)), 0);
    })) << map;
  }
}

TEST(HostileTar, HasASparseMapWithoutEnd) {
  const std::vector<std::string> maps{std::string(5000, '1'), "1000000000\n1\n",
                                      "100000\n" + std::string(600, '\n'), "2\n1\n"};
  for (const std::string& map : maps) {
    const std::string archive =
        pax_header({{"GNU.sparse.major", "1"}, {"GNU.sparse.minor", "0"}}) + tar_member("s.txt", map);
    EXPECT_TRUE(error_of([&] { walk(archive); }));
  }
}

}  // namespace
}  // namespace dfm::data::testing
