#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ckpt/pieces.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace dfm::ckpt {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using ::testing::Pair;
using testing::TemporaryFolder;

// Tensor w of 4 x 3 elements 0, 1, ..., 11 in three files: [0, 5), [5, 6), and [6, 12) in two pieces. The
// second file also has an empty piece of w, as a rank that owns nothing of it would write.
class Pieces : public ::testing::Test {
 protected:
  Pieces() {
    std::iota(all_.begin(), all_.end(), 0.0F);
    write_pieces(files_[0], {piece(0, 5), {kWeights, "scalar", {}, 0, std::span(all_).subspan(7, 1)}});
    write_pieces(files_[1], {piece(5, 6), piece(0, 0), {kWeights, "nothing", {0, 3}, 0, {}}});
    write_pieces(files_[2], {piece(9, 12), piece(6, 9), {kFirstMoment, "w", {4, 3}, 0, all_}});
  }

  Piece piece(std::size_t begin, std::size_t end) const {
    return {
        kWeights, "w", {4, 3}, static_cast<std::int64_t>(begin), std::span(all_).subspan(begin, end - begin)};
  }

  std::vector<float> read(std::size_t begin, std::size_t end,
                          const std::vector<std::filesystem::path>& files) const {
    std::vector<float> out(end - begin, -1.0F);
    PieceReader(files).read(kWeights, "w", {4, 3}, static_cast<std::int64_t>(begin), out);
    return out;
  }

  TemporaryFolder folder_;
  std::vector<std::filesystem::path> files_{folder_ / "0.h5", folder_ / "1.h5", folder_ / "2.h5"};
  std::vector<float> all_ = std::vector<float>(12);
};

TEST_F(Pieces, EveryRangeIsReadAcrossPiecesAndFilesInAnyOrderOfFiles) {
  std::vector<std::filesystem::path> files = files_;
  std::ranges::sort(files);
  do {
    for (std::size_t begin = 0; begin <= 12; ++begin) {
      for (std::size_t end = begin; end <= 12; ++end) {
        ASSERT_EQ(read(begin, end, files), std::vector<float>(all_.begin() + begin, all_.begin() + end));
      }
    }
  } while (std::next_permutation(files.begin(), files.end()));
}

TEST_F(Pieces, FilesAreOpenedAsTheyAreNeeded) {
  EXPECT_THAT(read(0, 5, {files_[0], folder_ / "nowhere.h5"}), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(error_of([&] {
                read(0, 6, {files_[0], folder_ / "nowhere.h5"});
              }).what(),
              HasSubstr("nowhere.h5"));
}

TEST_F(Pieces, OfTheSamePieceInTwoFilesTheFirstFileIsRead) {
  std::vector<float> other(5, 7.0F);
  write_pieces(folder_ / "own.h5", {{kWeights, "w", {4, 3}, 0, other}});
  PieceReader reader({folder_ / "own.h5", files_[0], files_[1], files_[2]});
  std::vector<float> out(12);
  reader.read(kWeights, "w", {4, 3}, 0, out);
  EXPECT_THAT(std::span(out).first(6), ElementsAre(7, 7, 7, 7, 7, 5));
  reader.read(kWeights, "w", {4, 3}, 0, std::span(out).first(2));
  EXPECT_THAT(std::span(out).first(2), ElementsAre(7, 7));
}

TEST_F(Pieces, ScalarsComeBack) {
  std::vector<float> out(1);
  PieceReader(files_).read(kWeights, "scalar", {}, 0, out);
  EXPECT_THAT(out, ElementsAre(7));
}

TEST_F(Pieces, TheParametersOfAKindAreListedWithTheirShapes) {
  PieceReader reader(files_);
  EXPECT_THAT(reader.parameters(kWeights),
              ElementsAre(Pair("nothing", Shape{0, 3}), Pair("scalar", Shape{}), Pair("w", Shape{4, 3})));
  EXPECT_THAT(reader.parameters(kFirstMoment), ElementsAre(Pair("w", Shape{4, 3})));
  EXPECT_TRUE(reader.parameters(kMovingAverage).empty());
}

TEST_F(Pieces, AMissingRangeNamesParameterKindAndElement) {
  const Error error = error_of([&] { read(3, 8, {files_[0], files_[2]}); });
  EXPECT_EQ(error.kind(), ExitCode::data);
  EXPECT_THAT(error.what(), HasSubstr("no weights of w from element 5 on"));
}

TEST_F(Pieces, AMissingParameterOrKindIsADataError) {
  std::vector<float> out(2);
  for (const auto& [kind, name] : {std::pair(kWeights, "v"), std::pair(kMovingAverage, "w")}) {
    EXPECT_EQ(error_of([&] { PieceReader(files_).read(kind, name, {2}, 0, out); }).kind(), ExitCode::data);
  }
}

TEST_F(Pieces, AnotherShapeIsADataErrorThatShowsBoth) {
  std::vector<float> out(12);
  const Error error = error_of([&] { PieceReader(files_).read(kWeights, "w", {3, 4}, 0, out); });
  EXPECT_EQ(error.kind(), ExitCode::data);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("w has shape [4, 3] in the checkpoint and [3, 4] here")));
  std::vector<float> more(20);
  EXPECT_THAT(error_of([&] {
                PieceReader(files_).read(kWeights, "w", {5, 4}, 0, more);
              }).what(),
              HasSubstr("[5, 4] here"));
}

TEST_F(Pieces, FilesThatDisagreeAboutAShapeAreRefused) {
  write_pieces(folder_ / "other.h5", {{kWeights, "w", {6, 2}, 0, all_}});
  PieceReader reader({files_[0], folder_ / "other.h5"});
  EXPECT_THAT(error_of([&] { reader.parameters(kWeights); }).what(),
              AllOf(HasSubstr("[6, 2]"), HasSubstr("[4, 3]")));
}

class ForeignPieces : public ::testing::Test {
 protected:
  // The error of a reader that meets a dataset of this name, length and shape.
  Error error_with(const std::string& name, std::size_t count, const std::vector<std::int64_t>& shape) {
    Hdf5File file = Hdf5File::create(folder_ / "x.h5");
    file.reserve("/weights/" + name, count, {{"global_shape", shape}});
    file.close();
    return error_of([&] { PieceReader({folder_ / "x.h5"}).parameters(kWeights); });
  }

  TemporaryFolder folder_;
};

TEST_F(ForeignPieces, NamesWithoutAPlaceAreRefused) {
  for (const char* const name : {"w", "w@", "w@x", "w@1x", "w@-1", "w@99999999999999999999"}) {
    const Error error = error_with(name, 2, {4});
    EXPECT_EQ(error.kind(), ExitCode::data) << name;
    EXPECT_THAT(error.what(), AllOf(HasSubstr("x.h5"), HasSubstr(name)));
  }
}

TEST_F(ForeignPieces, PlacesOutsideTheTensorAreRefused) {
  for (const char* const name : {"w@3", "w@5", "w@9223372036854775807"}) {
    EXPECT_EQ(error_with(name, 2, {4}).kind(), ExitCode::data) << name;
  }
}

TEST_F(ForeignPieces, ShapesThatAreNoShapesAreRefused) {
  EXPECT_EQ(error_with("w@0", 2, {-2, -1}).kind(), ExitCode::data);
  EXPECT_EQ(error_with("w@0", 2, {1LL << 40, 1LL << 40}).kind(), ExitCode::data);
}

TEST(WritePieces, LeavesTheOldFileAndNoRemainsWhenItFails) {
  const TemporaryFolder folder;
  const std::vector<float> values{1, 2};
  write_pieces(folder / "x.h5", {{kWeights, "w", {2}, 0, values}});
  const Piece twice{kWeights, "v", {2}, 0, values};
  EXPECT_THAT(error_of([&] { write_pieces(folder / "x.h5", {twice, twice}); }).what(), HasSubstr("x.h5"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
  EXPECT_EQ(PieceReader({folder / "x.h5"}).parameters(kWeights).count("w"), 1U);
}

TEST(PieceReader, NoTruncatedFileCrashesIt) {
  const TemporaryFolder folder;
  const std::vector<float> values(1000, 1.5F);
  write_pieces(folder / "x.h5", {{kWeights, "w", {1000}, 0, values}, {kWeights, "v", {1000}, 0, values}});
  const std::string whole = testing::file_content(folder / "x.h5");
  std::vector<float> out(1000);
  for (std::size_t length = 0; length < whole.size(); length += 61) {
    testing::write_file(folder / "cut.h5", whole.substr(0, length));
    EXPECT_FALSE(std::string(error_of([&] {
                               PieceReader({folder / "cut.h5"}).read(kWeights, "w", {1000}, 0, out);
                             }).what())
                     .empty());
  }
}

}  // namespace
}  // namespace dfm::ckpt
