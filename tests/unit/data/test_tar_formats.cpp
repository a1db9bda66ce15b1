// Archives that libarchive wrote, in all formats; expected offsets come from where it put the bytes.
#include <memory>

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/tar/tar_content.h"
#include "unit/data/shards.h"

namespace dfm::data::testing {
namespace {

struct FileToPack {
  std::string name;
  std::string content;
};

std::string pack(const std::vector<FileToPack>& files, int format) {
  std::string buffer(1U << 20U, '\0');
  std::size_t used = 0;
  const std::unique_ptr<archive, decltype(&archive_write_free)> writer(archive_write_new(),
                                                                       archive_write_free);
  archive_write_set_format(writer.get(), format);
  archive_write_add_filter_none(writer.get());
  archive_write_open_memory(writer.get(), buffer.data(), buffer.size(), &used);
  for (const FileToPack& file : files) {
    const std::unique_ptr<archive_entry, decltype(&archive_entry_free)> entry(archive_entry_new(),
                                                                              archive_entry_free);
    archive_entry_set_pathname(entry.get(), file.name.c_str());
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    archive_entry_set_mtime(entry.get(), 1700000000, 500000000);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(file.content.size()));
    archive_write_header(writer.get(), entry.get());
    archive_write_data(writer.get(), file.content.data(), file.content.size());
  }
  archive_write_close(writer.get());
  buffer.resize(used);
  return buffer;
}

class Format : public ::testing::TestWithParam<int> {};

TEST_P(Format, HasTheMembersThatWentIn) {
  const std::vector<FileToPack> files{
      {"a.txt", "first"},
      {std::string(60, 'd') + "/" + std::string(60, 'e') + "/b.json", std::string(1000, 'b')},
      {"empty.bin", ""},
      {"c.pth", std::string(512, 'c')}};
  const std::string packed = pack(files, GetParam());
  const Walk found = walk(packed);
  ASSERT_EQ(found.members.size(), files.size());
  EXPECT_EQ(found.stop, TarStop::end_mark);
  for (std::size_t i = 0; i < files.size(); ++i) {
    const TarMember& member = found.members[i];
    EXPECT_EQ(member.name, files[i].name);
    EXPECT_EQ(member.content_size, files[i].content.size());
    EXPECT_EQ(packed.substr(member.content_offset, member.content_size), files[i].content);
    EXPECT_EQ(member.member_offset, i == 0 ? 0 : found.members[i - 1].next_offset);
  }
}

TEST_P(Format, HasLongNames) {
  const std::string name = std::string(200, 'n') + "/" + std::string(90, 'm') + ".txt";
  if (GetParam() == ARCHIVE_FORMAT_TAR_USTAR) GTEST_SKIP() << "ustar has none";
  const Walk found = walk(pack({{name, "x"}, {"b.txt", "y"}}, GetParam()));
  EXPECT_EQ(found.members.at(0).name, name);
  EXPECT_EQ(found.members.at(0).member_offset, 0U);
  EXPECT_EQ(found.members.at(1).name, "b.txt");
}

INSTANTIATE_TEST_SUITE_P(Libarchive, Format,
                         ::testing::Values(ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE,
                                           ARCHIVE_FORMAT_TAR_PAX_RESTRICTED, ARCHIVE_FORMAT_TAR_GNUTAR));

}  // namespace
}  // namespace dfm::data::testing
