// Pieces of tensors that were cut along another than the first dimension.
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ckpt/pieces.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace dfm::ckpt {
namespace {

using testing::error_of;
using testing::TemporaryFolder;

constexpr std::int64_t kRows = 5, kColumns = 7, kTotal = kRows * kColumns;
const Shape kShape{kRows, kColumns};

// Element i of the tensor is i.
std::vector<float> elements_of(const Stripe& stripe) {
  std::vector<float> values(static_cast<std::size_t>(stripe.count(kTotal)));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(stripe.global(static_cast<std::int64_t>(i)));
  }
  return values;
}

std::vector<Stripe> columns_cut(const std::vector<std::int64_t>& bounds) {
  std::vector<Stripe> stripes;
  for (std::size_t i = 0; i + 1 < bounds.size(); ++i) {
    stripes.push_back({kColumns, bounds[i], bounds[i + 1] - bounds[i]});
  }
  return stripes;
}

class PieceStripes : public ::testing::Test {
 protected:
  // Each stripe in a file of its own, in two pieces that end inside a row.
  std::vector<std::filesystem::path> saved(const std::vector<Stripe>& stripes) const {
    std::vector<std::filesystem::path> files;
    for (const Stripe& stripe : stripes) {
      const auto values = elements_of(stripe);
      const std::size_t half = values.size() / 2;
      files.push_back(folder_ / (std::to_string(files.size()) + ".h5"));
      write_pieces(files.back(), {{kWeights, "w", kShape, 0, std::span(values).first(half), stripe},
                                  {kWeights, "w", kShape, static_cast<std::int64_t>(half),
                                   std::span(values).subspan(half), stripe}});
    }
    return files;
  }

  TemporaryFolder folder_;
};

TEST_F(PieceStripes, AreReadAsAnyOtherStripesFromAnyElementOn) {
  const std::vector<std::vector<std::int64_t>> cuts{{0, 7}, {0, 3, 7}, {0, 1, 2, 5, 7}};
  for (const auto& saved_cut : cuts) {
    const auto files = saved(columns_cut(saved_cut));
    for (const auto& read_cut : cuts) {
      for (const Stripe& wanted : columns_cut(read_cut)) {
        const auto expected = elements_of(wanted);
        for (std::size_t begin = 0; begin < expected.size(); ++begin) {
          std::vector<float> out(expected.size() - begin, -1.0F);
          PieceReader(files).read(kWeights, "w", {kShape, wanted, static_cast<std::int64_t>(begin)}, out);
          ASSERT_TRUE(std::equal(out.begin(), out.end(), expected.begin() + static_cast<long>(begin)));
        }
      }
    }
  }
}

TEST_F(PieceStripes, AreReadAsFlatRanges) {
  const auto files = saved(columns_cut({0, 2, 7}));
  std::vector<float> out(20);
  PieceReader(files).read(kWeights, "w", kShape, 9, out);
  std::vector<float> expected(20);
  std::iota(expected.begin(), expected.end(), 9.0F);
  EXPECT_EQ(out, expected);
}

TEST_F(PieceStripes, AreFoundInFlatPieces) {
  const auto all = elements_of(whole(kTotal));
  write_pieces(folder_ / "flat.h5", {{kWeights, "w", kShape, 0, all}});
  const Stripe wanted{kColumns, 2, 3};
  std::vector<float> out(15);
  PieceReader({folder_ / "flat.h5"}).read(kWeights, "w", {kShape, wanted, 0}, out);
  EXPECT_EQ(out, elements_of(wanted));
}

TEST_F(PieceStripes, OfWhichOneIsMissingAreADataErrorThatNamesTheElement) {
  const auto files = saved(columns_cut({0, 3, 7}));
  std::vector<float> out(kTotal);
  const Error error = error_of([&] { PieceReader({files[0]}).read(kWeights, "w", kShape, 0, out); });
  EXPECT_EQ(error.kind(), ExitCode::data);
  EXPECT_THAT(error.what(), ::testing::HasSubstr("from element 3 on"));
}

TEST_F(PieceStripes, ThatFitNoTensorAreRefused) {
  for (const char* const place : {"0:3+5|7", "0:0+0|7", "0:0+1|0", "0:0+1|6", "35:0+7|7", "0:0+1|7x", "0:0+1",
                                  "0:-1+1|7", "0:0+9223372036854775807|7"}) {
    Hdf5File file = Hdf5File::create(folder_ / "x.h5");
    file.reserve(std::string("/weights/w@") + place, 2, {{kShapeAttribute, kShape}});
    file.close();
    EXPECT_EQ(error_of([&] { PieceReader({folder_ / "x.h5"}).parameters(kWeights); }).kind(), ExitCode::data)
        << place;
  }
}

}  // namespace
}  // namespace dfm::ckpt
