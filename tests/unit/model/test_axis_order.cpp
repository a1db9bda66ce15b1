// Attention along an axis: which tokens become neighbours, and that they find back.
#include <gtest/gtest.h>

#include "model/axis_order.h"
#include "model/patchify.h"
#include "support/tensors.h"

namespace dfm::model {
namespace {

// A video of 2 frames of 1 x 3, and a picture of 2 x 2.
const PatchGrid kVideo{2, 1, 3}, kPicture{1, 2, 2};

at::Tensor positions() { return at::cat({token_positions(kVideo), token_positions(kPicture)}); }
nn::PackLayout pack() { return {{kVideo.tokens(), kPicture.tokens()}, {1, 1}}; }

std::vector<std::int64_t> ordered_tokens(const AxisOrder& order) {
  const at::Tensor rows = order.there(at::arange(10).unsqueeze(1)).flatten();
  return {rows.const_data_ptr<std::int64_t>(), rows.const_data_ptr<std::int64_t>() + rows.numel()};
}

TEST(AxisOrder, ThroughTheFramesEachPlaceIsASequence) {
  const AxisOrder order = through_frames(positions(), pack());
  EXPECT_EQ(ordered_tokens(order), (std::vector<std::int64_t>{0, 3, 1, 4, 2, 5, 6, 7, 8, 9}));
  EXPECT_EQ(order.counts(), (AxisOrder::Counts{{2, 2, 2, 1, 1, 1, 1}}));
}

TEST(AxisOrder, WithinTheFramesTokensStayWhereTheyAre) {
  const AxisOrder order = within_frames(positions(), pack());
  EXPECT_EQ(ordered_tokens(order), (std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(order.counts(), (AxisOrder::Counts{{3, 3, 4}}));
}

// The second of three context ranks has the tokens 2 and 3 of the video, and 1 of the picture.
TEST(AxisOrder, OnContextRanksASequenceIsDividedAsItsTokensAre) {
  const nn::SequenceCut cut{.context_ranks = 3, .context_rank = 1};
  const nn::PackLayout share = pack().share(cut);
  const AxisOrder spatial = within_frames(positions(), share, cut);
  EXPECT_EQ(spatial.counts(), (AxisOrder::Counts{{2, 0, 1}, {1, 1, 1}, {0, 2, 2}}));
  const AxisOrder temporal = through_frames(positions(), share, cut);
  EXPECT_EQ(temporal.counts(),
            (AxisOrder::Counts{{1, 1, 0, 1, 0, 0, 0}, {1, 0, 1, 0, 1, 0, 0}, {0, 1, 1, 0, 0, 1, 1}}));
  const at::Tensor own = at::tensor({2, 3, 7}).unsqueeze(1);
  EXPECT_TRUE(at::equal(temporal.there(own), at::tensor({3, 2, 7}).unsqueeze(1)));
  EXPECT_TRUE(at::equal(temporal.back(temporal.there(own)), own));
}

TEST(AxisOrder, BackIsTheInverseOfThere) {
  const PatchGrid grid{5, 3, 4};
  const AxisOrder order = through_frames(token_positions(grid), {{grid.tokens()}, {1}});
  const at::Tensor x = dfm::testing::Normals(3)({grid.tokens(), 7});
  EXPECT_FALSE(at::equal(order.there(x), x));
  EXPECT_TRUE(at::equal(order.back(order.there(x)), x));
}

}  // namespace
}  // namespace dfm::model
