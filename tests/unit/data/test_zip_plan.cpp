// Archives whose places are known before their content, held against the reader of archives.
#include <gtest/gtest.h>

#include "core/file.h"
#include "data/zip/crc.h"
#include "data/zip/plan.h"
#include "data/zip/reader.h"
#include "support/temporary_folder.h"
#include "unit/data/pickle_bytes.h"

namespace dfm::data {
namespace {

using testing::TemporaryFolder;

// Writes an archive of these entries; content beyond the given one stays a hole of zeros.
ZipReader written(const std::filesystem::path& path,
                  const std::vector<std::pair<std::string, std::uint64_t>>& entries,
                  const std::string& content) {
  ZipPlan plan;
  for (const auto& [name, size] : entries) plan.add(name, size);
  std::vector<std::uint32_t> crcs;
  File file = File::create(path);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    EXPECT_EQ(plan.content_offset(i) % 64, 0U);
    crcs.push_back(crc32_of(bytes_of(content)));
    file.write_at(plan.header(i, crcs.back()), plan.header_offset(i));
    file.write_at(bytes_of(content), plan.content_offset(i));
  }
  file.write_at(plan.directory(crcs), plan.directory_offset());
  file.close();
  const auto reopened = std::make_shared<const File>(File::open_to_read(path));
  return ZipReader(
      ByteRange::through([reopened](std::uint64_t offset,
                                    std::span<std::byte> buffer) { reopened->read_exactly(buffer, offset); },
                         reopened->size()));
}

TEST(ZipPlan, AReaderFindsTheEntriesWhereThePlanPutThem) {
  const TemporaryFolder folder;
  const ZipReader archive = written(folder / "a.zip", {{"a/first", 5}, {"a/second", 5}}, "12345");
  for (const char* const name : {"a/first", "a/second"}) {
    const ZipEntry entry = archive.entry(name);
    EXPECT_EQ(entry.content.text(), "12345");
    EXPECT_NO_THROW(check_crc(entry.content, entry.crc32));
  }
}

TEST(ZipPlan, EntriesAndOffsetsOfMoreThan4GiBTakeZip64Records) {
  const TemporaryFolder folder;
  const std::uint64_t large = (5ULL << 30U) + 3;  // holes: the disk holds next to nothing of it
  const ZipReader archive =
      written(folder / "a.zip", {{"a/large", large}, {"a/limit", 0xFFFFFFFF}, {"a/behind", 5}}, "12345");
  EXPECT_EQ(archive.entry("a/large").content.size(), large);
  EXPECT_EQ(archive.entry("a/limit").content.size(), 0xFFFFFFFFU);
  EXPECT_EQ(archive.entry("a/behind").content.text(), "12345");
  EXPECT_EQ(archive.entry("a/large").content.part(0, 5).text(), "12345");
}

TEST(ZipPlan, MoreEntriesThan16BitsCountTakeZip64Records) {
  const TemporaryFolder folder;
  std::vector<std::pair<std::string, std::uint64_t>> entries;
  for (int i = 0; i < 70'000; ++i) entries.emplace_back(std::to_string(i), 1);
  EXPECT_EQ(written(folder / "a.zip", entries, "x").entry("69999").content.text(), "x");
}

TEST(Crc32, OfTwoStretchesIsJoined) {
  const std::uint32_t first = crc32_of(bytes_of("12345")), second = crc32_of(bytes_of("6789"));
  EXPECT_EQ(join_crc32(first, second, 4), 0xCBF43926U);
  EXPECT_EQ(extend_crc32(first, bytes_of("6789")), 0xCBF43926U);
  EXPECT_EQ(join_crc32(first, 0, 0), first);
}

}  // namespace
}  // namespace dfm::data
