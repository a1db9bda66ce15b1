// Archives that libarchive wrote, whole, cut and hostile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "media/archive_reader.h"
#include "unit/media/support.h"

namespace dfm::media {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::uint64_t kMiB = 1U << 20U;

std::vector<TestEntry> some_files() {
  return {
      {"a.png", random_text(5000, 1)}, {"folder/gr\xC3\xBCn.png", random_text(70000, 2)}, {"empty.txt", ""}};
}

// Name and content of all files.
std::vector<std::pair<std::string, std::string>> contents(const std::filesystem::path& path) {
  std::vector<std::pair<std::string, std::string>> files;
  ArchiveReader archive(path);
  while (archive.next()) {
    if (archive.is_file()) files.emplace_back(archive.name(), text_of(archive.read(kMiB)));
  }
  return files;
}

std::size_t count_entries(const std::filesystem::path& path) {
  ArchiveReader archive(path);
  std::size_t count = 0;
  while (archive.next()) ++count;
  return count;
}

class ArchiveOfFormat : public ::testing::TestWithParam<const char*> {};

TEST_P(ArchiveOfFormat, GivesNamesAndContentsInOrder) {
  const TemporaryFolder folder;
  write_archive(folder.path() / GetParam(), some_files());
  const auto files = contents(folder.path() / GetParam());
  ASSERT_EQ(files.size(), some_files().size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    EXPECT_EQ(files[i].first, some_files()[i].name);
    EXPECT_EQ(files[i].second, some_files()[i].content);
  }
}

TEST_P(ArchiveOfFormat, IsADataErrorThatNamesItWhereItIsCut) {
  const TemporaryFolder folder;
  write_archive(folder.path() / GetParam(), some_files());
  const std::string whole = read_text(folder.path() / GetParam());
  for (const std::size_t size : {whole.size() / 20, whole.size() / 3, whole.size() * 2 / 3}) {
    const auto cut = folder.add("cut", whole.substr(0, size));
    EXPECT_THAT(data_error_of([&] { contents(cut); }), StartsWith(cut.native())) << size;
    EXPECT_THAT(data_error_of([&] { count_entries(cut); }), StartsWith(cut.native())) << size;
  }
}

TEST_P(ArchiveOfFormat, SurvivesDamage) {
  const TemporaryFolder folder;
  write_archive(folder.path() / GetParam(), some_files());
  const std::string whole = read_text(folder.path() / GetParam());
  const unsigned seed = std::random_device()();
  std::mt19937 engine(seed);
  for (int round = 0; round < 100; ++round) {
    std::string damaged = whole;
    for (int i = 0; i < 5; ++i)
      damaged[engine() % (round % 2 == 0 ? 600 : damaged.size())] ^= 1 << engine() % 8;
    const auto path = folder.add("damaged", damaged);
    const std::string error = data_error_of([&] { contents(path); });
    EXPECT_TRUE(error == "no error" || error.starts_with(path.native())) << error << " with seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, ArchiveOfFormat,
                         ::testing::Values("x.tar", "x.tar.gz", "x.tar.bz2", "x.tar.xz", "x.zip", "x.7z"));

TEST(ArchiveReader, NamesTheEntryThatIsCut) {
  const TemporaryFolder folder;
  write_archive(folder.path() / "x.tar", some_files());
  const auto cut = folder.add("cut.tar", read_text(folder.path() / "x.tar").substr(0, 30000));
  EXPECT_THAT(data_error_of([&] { contents(cut); }),
              HasSubstr("cut.tar at entry 'folder/gr\xC3\xBCn.png': "));
}

TEST(ArchiveReader, NoticesACutFarBehindItsBuffer) {
  const TemporaryFolder folder;
  write_archive(folder.path() / "x.tar",
                {{"a.png", random_text(5 * kMiB, 1)}, {"b.png", random_text(5 * kMiB, 2)}});
  const auto cut = folder.add("cut.tar", read_text(folder.path() / "x.tar").substr(0, 8 * kMiB));
  EXPECT_THAT(data_error_of([&] { count_entries(cut); }), HasSubstr("at entry 'b.png'"));
}

TEST(ArchiveReader, GoesOnBehindAnEntryThatCannotBeRead) {
  const TemporaryFolder folder;
  write_archive(folder.path() / "x.zip", {{"a.png", random_text(5000, 1)}, {"b.png", "b"}});
  std::string bytes = read_text(folder.path() / "x.zip");
  bytes[2000] ^= 1;
  ArchiveReader archive(folder.add("damaged.zip", bytes));
  ASSERT_TRUE(archive.next());
  EXPECT_THAT(data_error_of([&] { archive.read(kMiB); }), HasSubstr("at entry 'a.png'"));
  ASSERT_TRUE(archive.next());
  EXPECT_EQ(text_of(archive.read(kMiB)), "b");
}

TEST(ArchiveReader, RefusesAnEntryAboveTheLimit) {
  const TemporaryFolder folder;
  for (const char* name : {"x.tar", "x.zip"}) {
    write_archive(folder.path() / name, {{"a.png", random_text(5000, 1)}});
    ArchiveReader archive(folder.path() / name);
    ASSERT_TRUE(archive.next());
    EXPECT_THAT(data_error_of([&] { archive.read(4999); }), HasSubstr("longer than 4.9 KiB"));
  }
}

TEST(ArchiveReader, KnowsFilesFromLinksAndDevices) {
  const TemporaryFolder folder;
  write_archive(
      folder.path() / "x.tar",
      {{"link.png", "/etc/passwd", AE_IFLNK}, {"pipe.png", "", AE_IFIFO}, {"folder.png", "", AE_IFDIR}});
  EXPECT_TRUE(contents(folder.path() / "x.tar").empty());
  EXPECT_EQ(count_entries(folder.path() / "x.tar"), 3U);
}

// One entry of zeros, which zstd packs to next to nothing.
void write_bomb(const std::filesystem::path& path, std::uint64_t size_mib) {
  const std::unique_ptr<archive, int (*)(archive*)> writer(archive_write_new(), archive_write_free);
  archive_write_set_format_ustar(writer.get());
  archive_write_add_filter_zstd(writer.get());
  ASSERT_EQ(archive_write_open_filename(writer.get(), path.c_str()), ARCHIVE_OK);
  const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(),
                                                                       archive_entry_free);
  archive_entry_set_pathname(entry.get(), "notes.bin");
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_size(entry.get(), static_cast<std::int64_t>(size_mib * kMiB));
  ASSERT_EQ(archive_write_header(writer.get(), entry.get()), ARCHIVE_OK);
  const std::string zeros(kMiB, '\0');
  for (std::uint64_t i = 0; i < size_mib; ++i) archive_write_data(writer.get(), zeros.data(), zeros.size());
  ASSERT_EQ(archive_write_close(writer.get()), ARCHIVE_OK);
}

TEST(ArchiveReader, RefusesABomb) {
  const TemporaryFolder folder;
  write_bomb(folder.path() / "bomb.tar.zst", 1200);
  EXPECT_THAT(data_error_of([&] { count_entries(folder.path() / "bomb.tar.zst"); }),
              HasSubstr("200 times what it takes on disk"));
}

TEST(ArchiveReader, RefusesWhatIsNoArchive) {
  const TemporaryFolder folder;
  EXPECT_THAT(data_error_of([&] { count_entries(folder.add("noise", random_text(100000, 3))); }),
              HasSubstr("format"));
  EXPECT_THAT(data_error_of([&] { count_entries(folder.add("nothing", "")); }), HasSubstr("format"));
  // libarchive's mtree format names files on this machine.
  const auto mtree = folder.add("mtree", "#mtree\na.png type=file contents=/etc/passwd\n");
  EXPECT_THAT(data_error_of([&] { count_entries(mtree); }), HasSubstr("format"));
}

TEST(ArchiveReader, IsAStorageErrorForAMissingFile) {
  try {
    ArchiveReader("/nowhere/x.tar");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ExitCode::storage);
  }
}

}  // namespace
}  // namespace dfm::media
