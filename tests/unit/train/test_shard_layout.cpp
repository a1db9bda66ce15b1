// How the state is divided: whatever the sizes and the number of ranks, everything is owned once.
#include <algorithm>
#include <array>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

#include "support/seed.h"
#include "train/shard_layout.h"
#include "unit/train/odd_parameters.h"

namespace dfm::train {
namespace {

constexpr std::array kRankCounts{1, 2, 3, 4, 7};
constexpr std::array<std::int64_t, 4> kBucketSizes{1, 100, 230, ShardLayout::kBucketElements};

using Check = void (*)(const nn::ParameterList&, std::int64_t bucket_elements, int ranks);

void for_all_layouts(const nn::ParameterList& parameters, Check check) {
  for (const std::int64_t bucket_elements : kBucketSizes) {
    for (const int ranks : kRankCounts) {
      SCOPED_TRACE(::testing::Message() << ranks << " ranks, buckets of " << bucket_elements);
      check(parameters, bucket_elements, ranks);
    }
  }
}

// Owners of each element of each parameter.
std::vector<std::vector<int>> times_owned(const nn::ParameterList& parameters, std::int64_t bucket_elements,
                                          int ranks) {
  std::vector<std::vector<int>> owners;
  for (const nn::Parameter& each : parameters.all()) owners.emplace_back(each.count(), 0);
  for (int rank = 0; rank < ranks; ++rank) {
    const ShardLayout layout(parameters, rank, ranks, bucket_elements);
    for (const Segment& segment : layout.segments()) {
      for (std::int64_t i = 0; i < segment.count; ++i) ++owners[segment.parameter].at(segment.begin + i);
    }
  }
  return owners;
}

bool all_once(const std::vector<std::vector<int>>& owners) {
  return std::ranges::all_of(owners, [](const std::vector<int>& of_parameter) {
    return std::ranges::all_of(of_parameter, [](int times) { return times == 1; });
  });
}

TEST(ShardLayout, GivesEveryElementOfEveryParameterToExactlyOneRank) {
  for_all_layouts(odd_parameters(), [](const auto& parameters, std::int64_t bucket_elements, int ranks) {
    EXPECT_TRUE(all_once(times_owned(parameters, bucket_elements, ranks)));
  });
}

TEST(ShardLayout, DoesSoForRandomShapes) {
  std::mt19937 engine(dfm::testing::announced_seed());
  for (int round = 0; round < 20; ++round) {
    nn::ParameterList parameters;
    for (int i = 0; i < 12; ++i) {
      parameters.declare("p" + std::to_string(i), {{1 + static_cast<std::int64_t>(engine() % 300)}}, {});
    }
    const int ranks = 1 + static_cast<int>(engine() % 9);
    EXPECT_TRUE(all_once(times_owned(parameters, 1 + engine() % 600, ranks))) << ranks << " ranks";
  }
}

TEST(ShardLayout, CutsTheBufferIntoBucketsWithoutGapOrOverlap) {
  for_all_layouts(odd_parameters(), [](const auto& parameters, std::int64_t bucket_elements, int ranks) {
    const ShardLayout layout(parameters, 0, ranks, bucket_elements);
    std::int64_t end = 0;
    std::size_t next_parameter = 0;
    for (const Bucket& bucket : layout.buckets()) {
      EXPECT_EQ(bucket.buffer_begin, end);
      EXPECT_EQ(bucket.first_parameter, next_parameter);
      end += bucket.count();
      next_parameter = bucket.last_parameter;
    }
    EXPECT_EQ(next_parameter, parameters.all().size());
    EXPECT_EQ(end, parameters.offset(next_parameter));
  });
}

TEST(ShardLayout, HasBucketsOfTheGivenSizeUnlessOneParameterIsLarger) {
  for_all_layouts(odd_parameters(), [](const auto& parameters, std::int64_t bucket_elements, int ranks) {
    const ShardLayout layout(parameters, 0, ranks, bucket_elements);
    for (const Bucket& bucket : layout.buckets()) {
      EXPECT_TRUE(bucket.count() <= bucket_elements || bucket.last_parameter == bucket.first_parameter + 1);
    }
  });
}

TEST(ShardLayout, DividesEveryBucketEvenlyAndTheSameForAllRanks) {
  for_all_layouts(odd_parameters(), [](const auto& parameters, std::int64_t bucket_elements, int ranks) {
    const ShardLayout first(parameters, 0, ranks, bucket_elements);
    for (int rank = 0; rank < ranks; ++rank) {
      const ShardLayout layout(parameters, rank, ranks, bucket_elements);
      ASSERT_EQ(layout.buckets().size(), first.buckets().size());
      for (std::size_t i = 0; i < first.buckets().size(); ++i) {
        const Bucket& bucket = layout.buckets()[i];
        EXPECT_EQ(bucket.counts, first.buckets()[i].counts);
        EXPECT_LE(bucket.counts.at(static_cast<std::size_t>(rank)), (bucket.count() + ranks - 1) / ranks);
      }
    }
  });
}

TEST(ShardLayout, PlacesSegmentsOneAfterTheOtherInTheOwnedStorage) {
  for_all_layouts(odd_parameters(), [](const auto& parameters, std::int64_t bucket_elements, int ranks) {
    for (int rank = 0; rank < ranks; ++rank) {
      const ShardLayout layout(parameters, rank, ranks, bucket_elements);
      std::int64_t end = 0;
      for (const Segment& segment : layout.segments()) {
        EXPECT_GE(segment.owned_offset, end);
        end = segment.owned_offset + segment.count;
        EXPECT_EQ(segment.buffer_offset, parameters.offset(segment.parameter) + segment.begin);
      }
      EXPECT_LE(end, layout.owned_count());
    }
  });
}

TEST(ShardLayout, OwnsWithinABucketTheRangeThatItsCountsSay) {
  for_all_layouts(odd_parameters(), [](const auto& parameters, std::int64_t bucket_elements, int ranks) {
    for (int rank = 0; rank < ranks; ++rank) {
      const ShardLayout layout(parameters, rank, ranks, bucket_elements);
      for (const Bucket& bucket : layout.buckets()) {
        const auto mine = bucket.counts.begin() + rank;
        const std::int64_t begin = std::accumulate(bucket.counts.begin(), mine, bucket.buffer_begin);
        for (const Segment& segment : layout.segments()) {
          if (segment.parameter < bucket.first_parameter || segment.parameter >= bucket.last_parameter) {
            continue;
          }
          EXPECT_EQ(segment.buffer_offset - begin, segment.owned_offset - bucket.owned_offset);
          EXPECT_GE(segment.buffer_offset, begin);
          EXPECT_LE(segment.buffer_offset + segment.count, begin + *mine);
        }
      }
    }
  });
}

}  // namespace
}  // namespace dfm::train
