// A full disk while a rank's file is written: the storage error, nothing left, and a library that goes on and
// says nothing.
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "ckpt/pieces.h"
#include "support/child_process.h"
#include "support/errors.h"
#include "support/small_disk.h"

namespace dfm::ckpt {
namespace {

using ::testing::HasSubstr;
using testing::SmallDisk;
using testing::TemporaryFolder;

const std::vector<float> kValues(50'000, 1.5F);  // 200 kB a piece

std::vector<Piece> some_pieces() {
  std::vector<Piece> pieces;
  for (const char* const name : {"u", "v", "w"}) pieces.push_back({kWeights, name, {50'000}, 0, kValues});
  return pieces;
}

// Writes to the full disk, then elsewhere, then leaves through exit() as a program does. 0 when all went as
// it should.
int write_twice(const std::filesystem::path& full, const std::filesystem::path& elsewhere) {
  int code = 1;
  try {
    write_pieces(full, some_pieces());
  } catch (const Error& error) {
    code = error.kind() == ExitCode::storage && error.hint().find("full") != std::string::npos ? 0 : 2;
    if (code != 0) std::fprintf(stderr, "%s\n", error.what());
  }
  write_pieces(elsewhere, some_pieces());
  std::exit(code);
}

// How many pages the file takes on such a disk: parts of it that nobody wrote take none.
std::size_t pages_of_some_pieces() {
  const SmallDisk disk(8U << 20U);
  write_pieces(disk / "x.h5", some_pieces());
  struct stat status {};
  ::stat((disk / "x.h5").c_str(), &status);
  return static_cast<std::size_t>(status.st_blocks) / 8;
}

TEST(FullDisk, IsTheStorageErrorAtWhateverPointItFills) {
  const std::size_t page = 4096, needed_bytes = pages_of_some_pieces() * page - page;
  for (const std::size_t size_bytes : {4 * page, 25 * page, 49 * page, 50 * page, 51 * page, 100 * page,
                                       needed_bytes - 2 * page, needed_bytes - page, needed_bytes}) {
    const SmallDisk disk(size_bytes);
    if (!disk.is_mounted()) GTEST_SKIP() << "only root can mount a small disk";
    const TemporaryFolder folder;
    const auto result = testing::run_in_child([&] { return write_twice(disk / "x.h5", folder / "x.h5"); });
    EXPECT_EQ(result.exit_code, 0) << size_bytes << ": signal " << result.signal_number;
    EXPECT_EQ(result.standard_error, "") << size_bytes;
    EXPECT_TRUE(std::filesystem::is_empty(disk.path())) << size_bytes;
    EXPECT_EQ(PieceReader({folder / "x.h5"}).parameters(kWeights).size(), 3U);
  }
}

TEST(FullDisk, KeepsTheFileThatWasThere) {
  const SmallDisk disk(1U << 20U);
  if (!disk.is_mounted()) GTEST_SKIP() << "only root can mount a small disk";
  write_pieces(disk / "x.h5", some_pieces());
  const std::string before = testing::file_content(disk / "x.h5");
  const auto result = testing::run_in_child([&] {
    try {
      write_pieces(disk / "x.h5", some_pieces());
    } catch (const Error& error) {
      return static_cast<int>(error.kind());
    }
    return 0;
  });
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_EQ(testing::file_content(disk / "x.h5"), before);
}

TEST(FullDisk, ALimitOnFileSizesIsTheStorageErrorToo) {
  const TemporaryFolder folder;
  const auto result = testing::run_in_child([&] {
    const rlimit limit{100'000, 100'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    std::signal(SIGXFSZ, SIG_IGN);
    try {
      write_pieces(folder / "x.h5", some_pieces());
    } catch (const Error& error) {
      std::fprintf(stderr, "%s", error.hint().c_str());
      return static_cast<int>(error.kind());
    }
    return 0;
  });
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.standard_error, HasSubstr("ulimit -f"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace dfm::ckpt
