#include <gmock/gmock.h>

#include "ckpt/snapshot.h"
#include "core/error.h"

namespace dfm::ckpt {
namespace {

using testing::ElementsAreArray;

const std::vector<float> kNear{1, 2, 3}, kFar{4, 5, 6, 7};

Piece near_piece() { return {kWeights, "near", {3}, 0, kNear}; }

Piece far_piece() {
  Piece piece{kWeights, "far", {4}, 0, {}};
  piece.distant = {kFar.size(), [](std::span<float> out) { std::ranges::copy(kFar, out.begin()); }};
  return piece;
}

TEST(Snapshot, HoldsValuesThatWereNearAndThoseThatWereDistant) {
  Snapshot snapshot;
  const auto copies = snapshot.take({near_piece(), far_piece()});
  EXPECT_THAT(copies[0].values, ElementsAreArray(kNear));
  EXPECT_NE(copies[0].values.data(), kNear.data());
  EXPECT_THAT(copies[1].values, ElementsAreArray(kFar));
  EXPECT_FALSE(copies[1].is_distant());
}

TEST(Snapshot, BringsDistantValuesAloneWhereNothingElseIsToBeCopied) {
  Snapshot snapshot;
  const auto here = snapshot.brought_here({near_piece(), far_piece()});
  EXPECT_EQ(here[0].values.data(), kNear.data());
  EXPECT_THAT(here[1].values, ElementsAreArray(kFar));
}

TEST(Snapshot, IsAskedForBeforeDistantValuesAreWritten) {
  EXPECT_THROW(write_pieces("distant.h5", {far_piece()}), Error);
}

}  // namespace
}  // namespace dfm::ckpt
