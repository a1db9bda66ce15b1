#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/rank_grid.h"
#include "support/errors.h"

namespace dfm::comm {
namespace {

using ::testing::AllOf;
using testing::error_of;
using ::testing::HasSubstr;

// Calls body with every shape that fills a world of up to `most` ranks.
template <class Body>
void for_all_shapes(int most, Body&& body) {
  for (int world = 1; world <= most; ++world) {
    for (int tensor = 1; tensor <= world; ++tensor) {
      for (int context = 1; tensor * context <= world; ++context) {
        for (int pipeline = 1; tensor * context * pipeline <= world; ++pipeline) {
          if (world % (tensor * context * pipeline) != 0) continue;
          const int data = world / (tensor * context * pipeline);
          for (int expert = 1; expert <= data * context; ++expert) {
            if (data % expert == 0 || (expert % data == 0 && context % (expert / data) == 0))
              body(world, GridShape{tensor, context, pipeline, expert});
          }
        }
      }
    }
  }
}

TEST(RankGrid, CountsTensorFirstThenContextThenDataThenPipeline) {
  for_all_shapes(24, [](int world, const GridShape& shape) {
    const RankGrid grid(world, shape);
    int rank = 0;
    for (int pipeline = 0; pipeline < shape.pipeline; ++pipeline) {
      for (int data = 0; data < grid.data_size(); ++data) {
        for (int context = 0; context < shape.context; ++context) {
          for (int tensor = 0; tensor < shape.tensor; ++tensor, ++rank) {
            const GridCoordinates at = grid.coordinates(rank);
            ASSERT_EQ(std::tie(at.tensor, at.context, at.data, at.pipeline),
                      std::tie(tensor, context, data, pipeline))
                << grid.describe() << ", rank " << rank;
          }
        }
      }
    }
    ASSERT_EQ(rank, world);
  });
}

TEST(RankGrid, TheRankOfItsCoordinatesIsTheRank) {
  for_all_shapes(24, [](int world, const GridShape& shape) {
    const RankGrid grid(world, shape);
    for (int rank = 0; rank < world; ++rank)
      ASSERT_EQ(grid.rank_of(grid.coordinates(rank)), rank) << grid.describe();
  });
}

TEST(RankGrid, ExpertParallelIsCarvedOutOfConsecutiveDataRanks) {
  for_all_shapes(24, [](int world, const GridShape& shape) {
    const RankGrid grid(world, shape);
    if (shape.expert > grid.data_size()) return;
    for (int rank = 0; rank < world; ++rank) {
      const GridCoordinates at = grid.coordinates(rank);
      ASSERT_EQ(at.expert, at.data % shape.expert);
    }
  });
}

// 2 data x 4 context ranks, 4 that share the experts: both data ranks of two near context ranks.
TEST(RankGrid, MoreExpertRanksThanDataRanksAreCarvedOutOfNearContextRanks) {
  const RankGrid grid(8, {.context = 4, .expert = 4});
  std::vector<int> experts;
  for (int rank = 0; rank < 8; ++rank) experts.push_back(grid.coordinates(rank).expert);
  EXPECT_EQ(experts, (std::vector{0, 1, 0, 1, 2, 3, 2, 3}));
  EXPECT_EQ(grid.describe(),
            "8 ranks = 1 tensor x 4 context x 2 data x 1 pipeline, experts over 2 data x 2 context");
}

TEST(RankGrid, DataParallelIsWhatIsLeft) {
  for_all_shapes(24, [](int world, const GridShape& shape) {
    const RankGrid grid(world, shape);
    ASSERT_EQ(grid.data_size() * shape.tensor * shape.context * shape.pipeline, world);
    ASSERT_EQ(grid.world_size(), world);
  });
}

TEST(RankGrid, DescribesItself) {
  EXPECT_EQ(RankGrid(12, {2, 1, 3, 1}).describe(), "12 ranks = 2 tensor x 1 context x 2 data x 3 pipeline");
}

TEST(RankGrid, AWorldThatDoesNotDivideShowsTheArithmetic) {
  const Error error = error_of([] { RankGrid(10, {2, 2, 2, 1}); });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.what(),
              AllOf(HasSubstr("10 ranks"), HasSubstr("tensor 2 x context 2 x pipeline 2 = 8 ranks")));
  EXPECT_THAT(error.hint(), HasSubstr("multiple of 8"));
}

TEST(RankGrid, AWorldSmallerThanAReplicaIsRefused) {
  EXPECT_EQ(error_of([] { RankGrid(2, {4, 1, 1, 1}); }).kind(), ExitCode::usage);
}

TEST(RankGrid, AnExpertSizeThatDoesNotDivideTheDataSizeShowsTheArithmetic) {
  const Error error = error_of([] { RankGrid(12, {2, 1, 1, 4}); });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.what(), HasSubstr("expert parallel 4 does not divide data parallel 6 = 12 / 2"));
  EXPECT_EQ(error.hint(), "choose a divisor of 6");
}

TEST(RankGrid, AnExpertSizeThatContextRanksCannotMakeUpForNamesWhatTheyCould) {
  const Error error = error_of([] { RankGrid(12, {.context = 6, .expert = 8}); });
  EXPECT_EQ(error.hint(), "choose a divisor of 2, or 2 times a divisor of context parallel 6");
}

TEST(RankGrid, DimensionsBelowOneAreRefused) {
  for (const GridShape& shape :
       {GridShape{0, 1, 1, 1}, GridShape{1, -1, 1, 1}, GridShape{1, 1, 0, 1}, GridShape{1, 1, 1, 0}}) {
    EXPECT_EQ(error_of([&] { RankGrid(4, shape); }).kind(), ExitCode::usage);
  }
}

TEST(RankGrid, DimensionsWhoseProductOverflowsAreRefused) {
  constexpr int kLargest = std::numeric_limits<int>::max();
  for (const GridShape& shape : {GridShape{65536, 65536, 1, 1}, GridShape{65536, 65536, 65536, 1},
                                 GridShape{kLargest, kLargest, kLargest, 1}, GridShape{1, 1, 1, kLargest}}) {
    EXPECT_EQ(error_of([&] { RankGrid(4, shape); }).kind(), ExitCode::usage);
  }
}

}  // namespace
}  // namespace dfm::comm
