// The reader and the writer of stored ZIP archives; hostile archives are made from sound ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "data/zip/crc.h"
#include "data/zip/reader.h"
#include "data/zip/writer.h"
#include "unit/data/pickle_bytes.h"

namespace dfm::data {
namespace {

using namespace std::string_literals;
using ::testing::HasSubstr;

std::string sound_archive() {
  ZipWriter writer;
  writer.add("a/first", bytes_of("one"));
  writer.add("a/second", bytes_of("two two"));
  return text_of(std::move(writer).finish());
}

ByteRange range_of(const std::string& text) { return ByteRange::of(bytes_of(text)); }

// Reads all that can be named, and throws what the reader throws.
std::string error_of(const std::string& archive) {
  try {
    const ZipReader reader(range_of(archive));
    for (const char* name : {"a/first", "a/second"}) {
      const ZipEntry entry = reader.entry(name);
      check_crc(entry.content, entry.crc32);
    }
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ExitCode::data);
    return error.what();
  }
  return "no error";
}

template <class T>
std::string with(std::string bytes, std::size_t offset, T value) {
  return bytes.replace(offset, sizeof(T), little_endian(value));
}

std::size_t second_record(const std::string& archive) { return archive.rfind("PK\x01\x02"); }
std::size_t first_record(const std::string& archive) { return archive.find("PK\x01\x02"); }
std::size_t end_record(const std::string& archive) { return archive.rfind("PK\x05\x06"); }

TEST(Crc32, HasTheKnownCheckValue) { EXPECT_EQ(crc32_of(bytes_of("123456789")), 0xCBF43926U); }

TEST(ZipReader, FindsWhatTheWriterWrote) {
  const std::string archive = sound_archive();
  EXPECT_EQ(error_of(archive), "no error");
  const ZipReader reader(range_of(archive));
  EXPECT_TRUE(reader.contains("a/first"));
  EXPECT_EQ(reader.entry("a/second").content.text(), "two two");
  EXPECT_EQ(reader.name_ending_in("second"), "a/second");
  EXPECT_THROW(reader.name_ending_in("econd"), Error);
  EXPECT_THROW(reader.entry("a/third"), Error);
}

TEST(ZipWriter, AlignsEachEntryTo64Bytes) {
  const std::string archive = sound_archive();
  EXPECT_EQ(archive.find("one") % 64, 0U);
  EXPECT_EQ(archive.find("two two") % 64, 0U);
}

TEST(ZipReader, ReadsAnArchiveWithAComment) {
  std::string archive = sound_archive();
  archive = with(archive, end_record(archive) + 20, std::uint16_t{60000}) + std::string(60000, 'c');
  EXPECT_EQ(error_of(archive), "no error");
}

// The directory's sizes and offsets move to ZIP64 fields, as in archives of more than 4 GiB.
TEST(ZipReader, ReadsZip64Records) {
  std::string archive = sound_archive();
  const std::size_t directory = first_record(archive);
  const std::size_t second = second_record(archive);
  const auto offset = range_of(archive).number<std::uint32_t>(second + 42);
  std::string record = archive.substr(second, end_record(archive) - second);
  record = with(with(with(record, 20, ~std::uint32_t{0}), 24, ~std::uint32_t{0}), 42, ~std::uint32_t{0});
  record = with(record, 30, std::uint16_t{28 + 5});
  record += "\xff\xff\x01\x00X"s + "\x01\x00\x18\x00"s + little_endian(std::uint64_t{7}) +
            little_endian(std::uint64_t{7}) + little_endian(std::uint64_t{offset});
  archive = archive.substr(0, second) + record;
  const std::size_t zip64_end = archive.size();
  archive += "PK\x06\x06" + little_endian(std::uint64_t{44}) + little_endian(std::uint32_t{0}) +
             little_endian(std::uint64_t{0}) + little_endian(std::uint64_t{2}) +
             little_endian(std::uint64_t{2}) + little_endian(std::uint64_t{zip64_end - directory}) +
             little_endian(std::uint64_t{directory});
  archive += "PK\x06\x07" + little_endian(std::uint32_t{0}) + little_endian(std::uint64_t{zip64_end}) +
             little_endian(std::uint32_t{1});
  archive += "PK\x05\x06\x00\x00\x00\x00"s + std::string(12, '\xff') + std::string(2, '\0');
  EXPECT_EQ(error_of(archive), "no error");
  EXPECT_NE(error_of(with(archive, zip64_end + 64, ~std::uint64_t{0})), "no error");
  EXPECT_NE(error_of(with(archive, zip64_end + 48, ~std::uint64_t{0})), "no error");
  EXPECT_NE(error_of(with(archive, zip64_end + 32, ~std::uint64_t{0})), "no error");
  EXPECT_THAT(error_of(with(archive, zip64_end + 72, std::uint32_t{2})), HasSubstr("several volumes"));
}

TEST(ZipReader, RefusesWhatIsNotStored) {
  const std::string archive = sound_archive();
  EXPECT_THAT(error_of(with(archive, first_record(archive) + 10, std::uint16_t{8})),
              HasSubstr("'a/first': it is compressed (method 8)"));
  EXPECT_THAT(error_of(with(archive, 8, std::uint16_t{8})), HasSubstr("compressed"));
  EXPECT_THAT(error_of(with(archive, first_record(archive) + 8, std::uint16_t{1})), HasSubstr("encrypted"));
  EXPECT_THAT(error_of(with(archive, first_record(archive) + 24, std::uint32_t{4})), HasSubstr("two sizes"));
}

TEST(ZipReader, RefusesSeveralVolumes) {
  const std::string archive = sound_archive();
  EXPECT_THAT(error_of(with(archive, end_record(archive) + 4, std::uint16_t{1})),
              HasSubstr("several volumes"));
  EXPECT_THAT(error_of(with(archive, first_record(archive) + 34, std::uint16_t{1})),
              HasSubstr("another volume"));
}

TEST(ZipReader, RefusesEntriesThatOverlapOrLeaveTheFile) {
  const std::string archive = sound_archive();
  const std::size_t second = second_record(archive);
  const auto resized = [&](std::size_t record, std::uint32_t size) {
    return with(with(archive, record + 20, size), record + 24, size);
  };
  EXPECT_THAT(error_of(resized(first_record(archive), 200)), HasSubstr("overlaps"));
  EXPECT_THAT(error_of(resized(second, 200)), HasSubstr("overlaps"));
  EXPECT_THAT(error_of(resized(second, 0xFFFFFFF0U)), HasSubstr("overlaps"));
  EXPECT_THAT(error_of(with(archive, second + 42, std::uint32_t{0})), HasSubstr("overlaps"));
  EXPECT_THAT(error_of(with(archive, second + 42, std::uint32_t{0x7FFFFFFF})), HasSubstr("overlaps"));
  EXPECT_NE(error_of(with(archive, 28, std::uint16_t{0xFFFF})), "no error");
}

TEST(ZipReader, RefusesTwoEntriesOfOneName) {
  ZipWriter writer;
  writer.add("a/first", bytes_of("one"));
  writer.add("a/first", bytes_of("two"));
  EXPECT_THAT(error_of(text_of(std::move(writer).finish())), HasSubstr("there twice"));
}

TEST(ZipReader, RefusesAnEntryThatIsNotWhereTheDirectorySays) {
  std::string archive = sound_archive();
  EXPECT_THAT(error_of(archive.replace(archive.find("a/first"), 7, "b/first")),
              HasSubstr("not where the directory says"));
}

TEST(ZipReader, RefusesADirectoryThatClaimsTooMuch) {
  const std::string archive = sound_archive();
  EXPECT_THAT(error_of(with(archive, end_record(archive) + 10, std::uint16_t{0xFFFF})),
              HasSubstr("claims 65535 entries"));
  EXPECT_NE(error_of(with(archive, end_record(archive) + 12, std::uint32_t{0xFFFFFFFF})), "no error");
  EXPECT_NE(error_of(with(archive, end_record(archive) + 16, std::uint32_t{0xFFFFFFFF})), "no error");
}

TEST(ZipReader, NoticesDamagedContent) {
  std::string archive = sound_archive();
  archive[archive.find("two two")] ^= 4;
  EXPECT_THAT(error_of(archive), HasSubstr("CRC"));
}

TEST(ZipReader, RefusesAnArchiveThatIsCutAnywhere) {
  const std::string archive = sound_archive();
  for (std::size_t size = 0; size < archive.size(); ++size) {
    EXPECT_NE(error_of(archive.substr(0, size)), "no error") << size;
  }
}

}  // namespace
}  // namespace dfm::data
