// Large files in pieces: the bytes are those that were given, whatever the pieces.
#include <gtest/gtest.h>

#include "core/file.h"
#include "core/streamed_file.h"
#include "support/errors.h"
#include "support/small_disk.h"

namespace dfm {
namespace {

using testing::error_of;
using testing::file_content;
using testing::SmallDisk;
using testing::TemporaryFolder;

constexpr std::size_t kPiece = 4U << 20U;

std::string content_of(std::size_t size) {
  static constexpr std::size_t kPeriod = 10007;
  std::string content(kPeriod, '\0');
  for (std::size_t i = 0; i < kPeriod; ++i) content[i] = static_cast<char>(i * i >> 3U);
  while (content.size() < size) content += std::string(content);
  content.resize(size);
  return content;
}

void write_in_parts(const std::filesystem::path& path, std::string_view content, std::size_t part) {
  StreamedFile file(path);
  for (; !content.empty(); content.remove_prefix(std::min(part, content.size())))
    file.append(content.substr(0, part));
  file.commit();
}

void expect_the_bytes_in(const std::filesystem::path& folder) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kPiece, kPiece + 1, 3 * kPiece - 77}) {
    for (const std::size_t part : {std::size_t{60001}, 5 * kPiece}) {
      write_in_parts(folder / "file", content_of(size), part);
      EXPECT_TRUE(read_text(folder / "file") == content_of(size)) << size << " bytes in parts of " << part;
    }
  }
}

TEST(StreamedFile, HoldsTheBytesThatWereAppended) {
  const TemporaryFolder folder;
  expect_the_bytes_in(folder.path());
  const SmallDisk memory(64U << 20U);  // where pages are all there is
  if (memory.is_mounted()) expect_the_bytes_in(memory.path());
}

TEST(StreamedFile, LeavesNothingBehindWithoutCommit) {
  const TemporaryFolder folder;
  { StreamedFile(folder / "file").append(content_of(3 * kPiece)); }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(StreamedFile, OnAFullDiskIsAStorageErrorAndLeavesTheOldFile) {
  const SmallDisk disk(2 * kPiece);
  if (!disk.is_mounted()) GTEST_SKIP() << "only root mounts file systems";
  testing::write_file(disk / "file", "old");
  const Error error = error_of([&] { write_in_parts(disk / "file", content_of(4 * kPiece), kPiece); });
  EXPECT_EQ(error.kind(), ExitCode::storage);
  EXPECT_EQ(file_content(disk / "file"), "old");
  EXPECT_FALSE(std::filesystem::exists(disk / ".file.partial"));
}

}  // namespace
}  // namespace dfm
