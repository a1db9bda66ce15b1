#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/file.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace dfm {
namespace {

namespace fs = std::filesystem;
using testing::error_of;
using testing::file_content;
using ::testing::HasSubstr;
using testing::TemporaryFolder;
using testing::write_file;

std::string read_range(const File& file, std::uint64_t offset, std::size_t length) {
  std::string text(length, '?');
  text.resize(file.read_up_to(std::as_writable_bytes(std::span(text)), offset));
  return text;
}

TEST(File, ReadsARangeAndStopsAtTheEnd) {
  const TemporaryFolder folder;
  write_file(folder / "file", "0123456789");
  const File file = File::open_to_read(folder / "file");
  EXPECT_EQ(file.size(), 10U);
  EXPECT_EQ(read_range(file, 2, 3), "234");
  EXPECT_EQ(read_range(file, 8, 5), "89");
  EXPECT_EQ(read_range(file, 10, 5), "");
  EXPECT_EQ(read_range(file, 1000, 5), "");
  EXPECT_EQ(read_range(file, 3, 0), "");
}

TEST(File, AShortFileIsADataErrorThatSaysWhereItEnds) {
  const TemporaryFolder folder;
  write_file(folder / "file", "0123456789");
  std::array<std::byte, 8> buffer{};
  const Error error = error_of([&] { File::open_to_read(folder / "file").read_exactly(buffer, 6); });
  EXPECT_EQ(error.kind(), ExitCode::data);
  EXPECT_THAT(error.what(), HasSubstr("file ends at byte 10, 4 bytes before it should"));
}

TEST(File, WritesIntoPlacesOfAFileThatIsThere) {
  const TemporaryFolder folder;
  File::create(folder / "file").reserve(6);
  File file = File::open_to_write(folder / "file");
  file.write_at(std::as_bytes(std::span("xy", 2)), 3);
  file.sync();
  file.close();
  EXPECT_EQ(file_content(folder / "file"), std::string("\0\0\0xy\0", 6));
}

TEST(File, ReadsBeyondFourGigabytes) {
  const TemporaryFolder folder;
  constexpr off_t kFar = 5LL << 30U;
  write_file(folder / "sparse", "");
  ASSERT_EQ(::truncate((folder / "sparse").c_str(), kFar), 0);
  std::ofstream(folder / "sparse", std::ios::app) << "far";
  EXPECT_EQ(read_range(File::open_to_read(folder / "sparse"), kFar, 10), "far");
}

TEST(File, AppendsAndTruncates) {
  const TemporaryFolder folder;
  write_file(folder / "file", "what was there before");
  File file = File::create(folder / "file");
  file.append("one ");
  file.append("");
  file.append("two");
  file.close();
  EXPECT_EQ(file_content(folder / "file"), "one two");
}

TEST(File, AppendsPagesPastTheCacheBeforeAndAfterOtherBytes) {
  constexpr std::size_t kPageBytes = 4096;
  alignas(kPageBytes) static std::array<std::byte, 2 * kPageBytes> pages;
  pages.fill(std::byte{'p'});
  const TemporaryFolder folder;
  File file = File::create(folder / "file");
  file.append_past_cache(pages);
  file.append("odd");
  file.append_past_cache(pages);  // from where no file system takes it past the cache
  file.append("end");
  file.close();
  const std::string content(pages.size(), 'p');
  EXPECT_EQ(file_content(folder / "file"), content + "odd" + content + "end");
}

TEST(File, MovesItsDescriptorAndClosesItOnce) {
  const TemporaryFolder folder;
  File first = File::create(folder / "first");
  File second = File::create(folder / "second");
  first = std::move(second);
  first.append("into the second");
  const File third = std::move(first);
  EXPECT_EQ(third.path(), folder / "second");
  EXPECT_EQ(file_content(folder / "second"), "into the second");
}

TEST(File, MissingFilesFoldersAndWrongPartsAreStorageErrorsWithTheirPath) {
  const TemporaryFolder folder;
  write_file(folder / "file", "");
  for (const fs::path& path :
       {folder / "nowhere", folder / "no/where", folder / "file/part", folder / std::string(300, 'x')}) {
    const Error error = error_of([&] { File::open_to_read(path); });
    EXPECT_EQ(error.kind(), ExitCode::storage);
    EXPECT_THAT(error.what(), HasSubstr(path.native()));
    EXPECT_FALSE(error.hint().empty()) << error.what();
  }
  EXPECT_EQ(error_of([&] { File::create(folder.path()); }).kind(), ExitCode::storage);
}

TEST(File, ChildrenDoNotInheritDescriptors) {
  const TemporaryFolder folder;
  const int lowest_free = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::close(lowest_free);
  const File file = File::create(folder / "file");
  EXPECT_NE(::fcntl(lowest_free, F_GETFD) & FD_CLOEXEC, 0);
}

TEST(ReadText, GivesTheWholeFile) {
  const TemporaryFolder folder;
  const std::string text("line\n\0\xff", 7);
  write_file(folder / "file", text);
  EXPECT_EQ(read_text(folder / "file"), text);
  write_file(folder / "empty", "");
  EXPECT_EQ(read_text(folder / "empty"), "");
}

TEST(ReadText, RefusesAFileLargerThanItsLimitWithoutReadingIt) {
  const TemporaryFolder folder;
  write_file(folder / "bomb", "");
  ASSERT_EQ(::truncate((folder / "bomb").c_str(), 1LL << 42U), 0);  // four terabytes of nothing
  const Error error = error_of([&] { read_text(folder / "bomb"); });
  EXPECT_EQ(error.kind(), ExitCode::data);
  EXPECT_THAT(error.what(), HasSubstr("4398046511104"));
  write_file(folder / "file", "12345");
  EXPECT_EQ(read_text(folder / "file", 5), "12345");
  EXPECT_EQ(error_of([&] { read_text(folder / "file", 4); }).kind(), ExitCode::data);
}

TEST(ReadText, OfAFolderIsAStorageError) {
  const TemporaryFolder folder;
  EXPECT_EQ(error_of([&] { read_text(folder.path()); }).kind(), ExitCode::storage);
}

TEST(MakeFolder, MakesParentsAndAcceptsWhatIsThere) {
  const TemporaryFolder folder;
  make_folder(folder / "a/b/c");
  make_folder(folder / "a/b/c");
  EXPECT_TRUE(fs::is_directory(folder / "a/b/c"));
}

TEST(MakeFolder, AFileInTheWayIsAStorageError) {
  const TemporaryFolder folder;
  write_file(folder / "file", "");
  EXPECT_EQ(error_of([&] { make_folder(folder / "file"); }).kind(), ExitCode::storage);
  EXPECT_EQ(error_of([&] { make_folder(folder / "file/below"); }).kind(), ExitCode::storage);
}

TEST(RemoveFile, RemovesAFileAndAcceptsItsAbsence) {
  const TemporaryFolder folder;
  write_file(folder / "file", "");
  remove_file(folder / "file");
  remove_file(folder / "file");
  EXPECT_FALSE(fs::exists(folder / "file"));
}

TEST(RemoveFile, DoesNotRemoveAFolder) {
  const TemporaryFolder folder;
  make_folder(folder / "inner");
  EXPECT_EQ(error_of([&] { remove_file(folder / "inner"); }).kind(), ExitCode::storage);
  EXPECT_TRUE(fs::exists(folder / "inner"));
}

}  // namespace
}  // namespace dfm
