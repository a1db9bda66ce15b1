#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/hash.h"
#include "data/energon/dataset_metadata.h"
#include "data/energon/shapes_file.h"
#include "unit/data/shards.h"

namespace dfm::data::testing {
namespace {

using ::testing::HasSubstr;

TEST(SampleShapes, TakesTensorsWithAndWithoutABatchDimension) {
  const TensorShapes shapes = sample_shapes({16, 4, 30, 52}, {512, 4096});
  EXPECT_EQ(shapes.shape, (SampleShape{16, 4, 30, 52, 512}));
  EXPECT_EQ(shapes.text_width, 4096U);
  EXPECT_EQ(sample_shapes({1, 16, 4, 30, 52}, {1, 512, 4096}).shape, shapes.shape);
}

TEST(SampleShapes, RefusesOtherShapes) {
  const Shape latent{16, 1, 2, 2}, text{3, 8};
  for (const Shape& bad : std::vector<Shape>{{},
                                             {16, 2, 2},
                                             {2, 16, 1, 2, 2},
                                             {16, 0, 2, 2},
                                             {16, 1, 2, std::int64_t{1} << 32U},
                                             {1, 1, 16, 1, 2, 2}}) {
    EXPECT_TRUE(error_of([&] { sample_shapes(bad, text); })) << to_text(bad);
  }
  for (const Shape& bad : std::vector<Shape>{{}, {8}, {2, 3, 8}, {0, 8}, {3, 0}}) {
    EXPECT_TRUE(error_of([&] { sample_shapes(latent, bad); })) << to_text(bad);
  }
}

const std::vector<SampleShape> kFirst{{16, 1, 2, 2, 3}, {16, 5, 30, 52, 512}};
const std::vector<SampleShape> kSecond{{}};

void write_shapes(const std::filesystem::path& root) {
  std::filesystem::create_directories(root / kMetaFolder);
  const std::vector<ShapesOfShard> table{{"a.tar", 2, 10240, hash_of_rows(kFirst)},
                                         {"b/c.tar", 1, 512, hash_of_rows(kSecond)}};
  ShapesWriter writer(root, 4096, table);
  writer.append(kFirst);
  writer.append(kSecond);
  writer.commit();
}

TEST(ShapesFile, GivesBackWhatWasWritten) {
  const TemporaryFolder folder;
  write_shapes(folder.path());
  ASSERT_TRUE(ShapesFile::exists(folder.path()));
  const ShapesFile file = ShapesFile::open(folder.path());
  EXPECT_EQ(file.text_width(), 4096U);
  EXPECT_EQ(file.read_rows("a.tar"), kFirst);
  EXPECT_EQ(file.read_rows("b/c.tar"), kSecond);
  EXPECT_FALSE(file.read_rows("b/c.tar")[0].is_known());
  EXPECT_EQ(file.find("a.tar")->end_offset, 10240U);
  EXPECT_EQ(file.find("nope"), nullptr);
  EXPECT_TRUE(error_of([&] { file.read_rows("nope"); }));
}

TEST(ShapesFile, HasTheDocumentedLayout) {
  const TemporaryFolder folder;
  write_shapes(folder.path());
  const std::string text = read_text(folder / kShapesFile);
  const std::size_t table_bytes = 2 * 28 + 5 + 7;
  ASSERT_EQ(text.size(), 48 + table_bytes + 3 * 20);
  EXPECT_EQ(text.substr(0, 16), std::string("DFMSHAPE\1\0\0\0\0\20\0\0", 16));
  EXPECT_EQ(text.substr(16, 24), std::string("\2\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\x44\0\0\0\0\0\0\0", 24));
  const std::uint64_t hash = hash64(text.substr(0, 40) + text.substr(48, table_bytes));
  EXPECT_EQ(text.substr(40, 8), std::string(reinterpret_cast<const char*>(&hash), 8));
  EXPECT_EQ(text.substr(48 + table_bytes, 20), std::string("\20\0\0\0\1\0\0\0\2\0\0\0\2\0\0\0\3\0\0\0", 20));
}

TEST(ShapesFile, NoticesEveryChangedByteAndEveryLength) {
  const TemporaryFolder folder;
  write_shapes(folder.path());
  const std::string whole = read_text(folder / kShapesFile);
  const auto is_refused = [&](const std::string& content) {
    folder.write(kShapesFile, content);
    return error_of([&] {
             const ShapesFile file = ShapesFile::open(folder.path());
             file.read_rows("a.tar");
             file.read_rows("b/c.tar");
           })
        .has_value();
  };
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 0x55);
    EXPECT_TRUE(is_refused(changed)) << i;
  }
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_TRUE(is_refused(whole.substr(0, length))) << length;
  EXPECT_TRUE(is_refused(whole + "x"));
  EXPECT_FALSE(is_refused(whole));
}

TEST(ShapesFile, OfAnotherVersionSaysSo) {
  const TemporaryFolder folder;
  write_shapes(folder.path());
  std::string text = read_text(folder / kShapesFile);
  text[8] = 2;
  folder.write(kShapesFile, text);
  EXPECT_THAT(error_of([&] { ShapesFile::open(folder.path()); })->what(),
              HasSubstr("version is 2, this dfm reads 1"));
}

TEST(ShapesFile, WithoutCommitLeavesNothing) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / kMetaFolder);
  { const ShapesWriter writer(folder.path(), 8, {}); }
  EXPECT_TRUE(std::filesystem::is_empty(folder / kMetaFolder));
}

}  // namespace
}  // namespace dfm::data::testing
