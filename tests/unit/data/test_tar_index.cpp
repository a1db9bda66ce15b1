#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/energon/tar_index.h"
#include "unit/data/shards.h"

namespace dfm::data::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string entries(const std::vector<std::uint64_t>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * 8};
}

TEST(TarIndex, TakesThePlaceOfTheLastSuffix) {
  EXPECT_EQ(tar_index_path("d/a.b.tar"), "d/a.b.tar.idx");
  EXPECT_EQ(tar_index_path("a.tgz"), "a.tar.idx");
}

TEST(TarIndex, IsPlainLittleEndianNumbers) {
  const TemporaryFolder folder;
  const auto shard = folder.write("a.tar", std::string(5000, 'x'));
  write_tar_index(shard, std::vector<std::uint64_t>{512, 2048, 4096});
  EXPECT_EQ(read_text(folder / "a.tar.idx"), std::string("\0\2\0\0\0\0\0\0"
                                                         "\0\10\0\0\0\0\0\0"
                                                         "\0\20\0\0\0\0\0\0",
                                                         24));
  EXPECT_THAT(read_tar_index(shard, 5000), ElementsAre(512, 2048, 4096));
  EXPECT_EQ(read_tar_index_summary(shard).sample_count, 2U);
  EXPECT_EQ(read_tar_index_summary(shard).end_offset, 4096U);
}

TEST(TarIndex, IsReadableByWhoMayReadTheShard) {
  const TemporaryFolder folder;
  const auto shard = folder.write("a.tar", "x");
  std::filesystem::permissions(shard, std::filesystem::perms{0440});
  write_tar_index(shard, std::vector<std::uint64_t>{0, 1});
  EXPECT_EQ(std::filesystem::status(folder / "a.tar.idx").permissions(), std::filesystem::perms{0640});
}

TEST(TarIndex, OfTheReferenceIsRead) {
  const std::filesystem::path shard = DFM_GOLDEN_FOLDER "/energon/plain/shard-000000.tar";
  const auto offsets = read_tar_index(shard, std::filesystem::file_size(shard));
  EXPECT_EQ(offsets.size(), 21U);
  EXPECT_EQ(offsets[1], 0x1e00U);
}

TEST(TarIndex, ThatIsMissingSaysWhatToRun) {
  const auto error = error_of([] { read_tar_index("/nowhere/a.tar", 0); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ExitCode::data);
  EXPECT_THAT(error->what(), HasSubstr("/nowhere/a.tar.idx is missing"));
  EXPECT_THAT(error->hint(), HasSubstr("dfm_index"));
}

TEST(TarIndex, ThatDoesNotFitIsRefused) {
  const TemporaryFolder folder;
  const auto refused = [&](const std::string& content) {
    folder.write("a.tar.idx", content);
    return error_of([&] { read_tar_index(folder / "a.tar", 5000); }).has_value();
  };
  EXPECT_TRUE(refused(""));
  EXPECT_TRUE(refused(entries({0, 512}).substr(0, 15)));
  EXPECT_TRUE(refused(entries({0, 2048, 1024})));
  EXPECT_TRUE(refused(entries({0, 1024, 1024})));
  EXPECT_TRUE(refused(entries({2048, 1024})));
  EXPECT_TRUE(refused(entries({0, 1024, 6000})));
  EXPECT_TRUE(refused(entries({0, ~std::uint64_t{0}})));
  EXPECT_FALSE(refused(entries({512, 512, 1024})));  // readers take the first sample from byte 0
}

}  // namespace
}  // namespace dfm::data::testing
