#include <gtest/gtest.h>

#include "ckpt/pieces.h"
#include "ckpt/verified_file.h"
#include "core/stop_token.h"
#include "support/child_process.h"
#include "support/errors.h"
#include "support/seed.h"
#include "unit/ckpt/made_checkpoint.h"

namespace dfm::ckpt {
namespace {

using testing::error_of;
using testing::TemporaryFolder;

// Longer than what is read at once, and no multiple of it.
std::string some_content() {
  std::string content((3U << 20U) + 12345, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 31 + i / 253);
  return content;
}

class VerifiedFiles : public ::testing::Test {
 protected:
  VerifiedFiles() { testing::write_file(path_, content_); }

  void expect_range(VerifiedFile& file, std::size_t offset, std::size_t count) const {
    std::string read(count, '\0');
    file.read(offset, std::as_writable_bytes(std::span(read)));
    EXPECT_EQ(read, content_.substr(offset, count)) << offset;
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "x";
  std::string content_ = some_content();
};

TEST_F(VerifiedFiles, HaveTheChecksumOfTheWholeWhateverWasReadInWhateverOrder) {
  const std::uint64_t expected = hash_file(path_);
  EXPECT_EQ(VerifiedFile(path_).finish(), expected);
  const std::vector<std::vector<std::pair<std::size_t, std::size_t>>> orders{
      {{0, 100}, {100, 2U << 20U}, {(2U << 20U) + 100, 5}},
      {{500, 10}, {0, 20}, {505, 10}, {3'000'000, 40}},
      {{content_.size() - 1, 1}, {7, 7}},
      {{3, 0}}};
  for (const auto& order : orders) {
    VerifiedFile file(path_);
    for (const auto& [offset, count] : order) expect_range(file, offset, count);
    EXPECT_EQ(file.finish(), expected);
    expect_range(file, 1000, 1000);
    EXPECT_EQ(file.finish(), expected);
  }
}

TEST_F(VerifiedFiles, ThatEndTooSoonAreADataError) {
  VerifiedFile file(path_);
  std::vector<std::byte> out(10);
  EXPECT_EQ(error_of([&] { file.read(content_.size() - 5, out); }).kind(), ExitCode::data);
}

class WrittenFile : public ::testing::Test {
 protected:
  WrittenFile() {
    for (std::size_t i = 0; i < values_.size(); ++i) values_[i] = static_cast<float>(i) / 7;
    const std::span<const float> all(values_);
    record_ = write_pieces(path_, {{kWeights, "large", {200, 1000}, 0, all},
                                   {kWeights, "scalar", {}, 0, all.first(1)},
                                   {kFirstMoment, "none", {0}, 0, {}},
                                   {kFirstMoment, "large", {200, 1000}, 0, all}});
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "rank_00000.h5";
  std::vector<float> values_ = std::vector<float>(200'000);
  FileRecord record_;
};

TEST_F(WrittenFile, HasTheSizeAndTheChecksumsThatWereComputedFromMemory) {
  EXPECT_EQ(record_.name, "rank_00000.h5");
  EXPECT_EQ(record_.size_bytes, std::filesystem::file_size(path_));
  EXPECT_EQ(record_.xxh3, hex(hash_file(path_)));
  const std::string head = testing::file_content(path_).substr(0, record_.head_bytes);
  EXPECT_EQ(record_.head_xxh3, hex(hash64(head)));
}

TEST_F(WrittenFile, DescribesItselfAtTheBeginning) {
  EXPECT_GT(record_.head_bytes, 0U);
  EXPECT_LT(record_.head_bytes, record_.size_bytes / 10);
}

// A flipped bit of the description is found before HDF5 sees it; one of the values once they were read.
TEST_F(WrittenFile, WithAnyFlippedBitIsADataError) {
  std::mt19937 chance(testing::announced_seed());
  const auto load = [&] {
    PieceReader reader(folder_.path(), {record_}, 0);
    std::vector<float> out(values_.size());
    reader.read(kWeights, "large", {200, 1000}, 0, out);
    reader.read(kFirstMoment, "large", {200, 1000}, 0, out);
    reader.require_checksum(record_);
  };
  load();
  for (int i = 0; i < 200; ++i) {
    const std::size_t end = i % 2 == 0 ? record_.head_bytes : record_.size_bytes;
    const std::size_t byte = std::uniform_int_distribution<std::size_t>(0, end - 1)(chance);
    flip_bit(path_, byte);
    EXPECT_EQ(error_of(load).kind(), ExitCode::data) << byte;
    flip_bit(path_, byte);
  }
  load();
}

TEST_F(VerifiedFiles, AreLeftWhenTheProgramIsAskedToStop) {
  const auto child = testing::run_in_child([&] {
    StopToken::request("a test");
    return static_cast<int>(error_of([&] { VerifiedFile(path_).finish(); }).kind());
  });
  EXPECT_EQ(child.exit_code, static_cast<int>(ExitCode::stopped)) << child.standard_error;
}

}  // namespace
}  // namespace dfm::ckpt
