// The order of work in a pipeline, played through by an independent reading of what depends on what.
#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "train/pipeline_schedule.h"

namespace dfm::train {
namespace {

using Order = std::vector<PipelineWork>;

std::vector<Order> orders_of(const PipelineShape& shape) {
  std::vector<Order> orders;
  for (std::size_t stage = 0; stage < shape.stages; ++stage)
    orders.push_back(pipeline_schedule(shape, stage));
  return orders;
}

std::string text_of(const Order& order) {
  std::string text;
  for (const PipelineWork& work : order) text += (work.is_backward ? "B" : "F") + std::to_string(work.pack);
  return text;
}

// All shapes that tests of layouts meet, and more.
std::vector<PipelineShape> many_shapes() {
  std::vector<PipelineShape> shapes;
  for (std::size_t stages = 2; stages <= 5; ++stages) {
    for (std::size_t chunks = 1; chunks <= 3; ++chunks) {
      for (std::size_t packs = 0; packs <= 11; ++packs) shapes.push_back({stages, chunks, packs});
    }
  }
  return shapes;
}

TEST(PipelineSchedule, IsOneForwardOneBackward) {
  const auto orders = orders_of({4, 1, 6});
  EXPECT_EQ(text_of(orders[3]), "F0B0F1B1F2B2F3B3F4B4F5B5");
  EXPECT_EQ(text_of(orders[2]), "F0F1B0F2B1F3B2F4B3F5B4B5");
  EXPECT_EQ(text_of(orders[0]), "F0F1F2F3B0F4B1F5B2B3B4B5");
}

TEST(PipelineSchedule, TakesEveryChunkOfEveryPackForwardAndBackwardOnce) {
  for (const PipelineShape& shape : many_shapes()) {
    for (const Order& order : orders_of(shape)) {
      std::set<std::tuple<bool, std::size_t, std::size_t>> done;
      for (const PipelineWork& work : order) {
        EXPECT_TRUE(done.emplace(work.is_backward, work.chunk, work.pack).second);
        EXPECT_TRUE(!work.is_backward || done.contains({false, work.chunk, work.pack}));
      }
      EXPECT_EQ(done.size(), 2 * shape.chunks * shape.packs);
    }
  }
}

// A stage that waits for a message waits for one that its neighbour will send without waiting for it.
TEST(PipelineSchedule, NeverWaitsInACircle) {
  for (const PipelineShape& shape : many_shapes()) {
    const auto orders = orders_of(shape);
    std::set<std::tuple<std::size_t, bool, std::size_t, std::size_t>> done;
    std::vector<std::size_t> at(shape.stages, 0);
    const auto may = [&](std::size_t stage, const PipelineWork& work) {
      // Places along the depth of the network.
      const std::size_t place = work.chunk * shape.stages + stage, last = shape.stages * shape.chunks - 1;
      if (!work.is_backward) return place == 0 || done.contains({place - 1, false, work.pack, 0});
      return done.contains({place, false, work.pack, 0}) &&
             (place == last || done.contains({place + 1, true, work.pack, 0}));
    };
    for (bool moved = true; moved;) {
      moved = false;
      for (std::size_t stage = 0; stage < shape.stages; ++stage) {
        for (; at[stage] < orders[stage].size() && may(stage, orders[stage][at[stage]]); ++at[stage]) {
          const PipelineWork& work = orders[stage][at[stage]];
          done.emplace(work.chunk * shape.stages + stage, work.is_backward, work.pack, 0);
          moved = true;
        }
      }
    }
    EXPECT_EQ(done.size(), 2 * shape.stages * shape.chunks * shape.packs)
        << shape.stages << " stages, " << shape.chunks << " chunks, " << shape.packs << " packs";
  }
}

// Messages between two ranks arrive in the order in which they were sent.
TEST(PipelineSchedule, SendsInTheOrderInWhichTheNeighbourReceives) {
  for (const PipelineShape& shape : many_shapes()) {
    const auto orders = orders_of(shape);
    for (std::size_t stage = 0; stage < shape.stages; ++stage) {
      for (const bool is_backward : {false, true}) {
        const std::size_t step = is_backward ? shape.stages - 1 : 1, to = (stage + step) % shape.stages;
        const std::size_t last = shape.stages * shape.chunks - 1;
        Order sent, received;
        for (const PipelineWork& work : orders[stage]) {
          const std::size_t place = work.chunk * shape.stages + stage;
          if (work.is_backward == is_backward && place != (is_backward ? 0 : last)) sent.push_back(work);
        }
        for (PipelineWork work : orders[to]) {
          const std::size_t place = work.chunk * shape.stages + to;
          if (work.is_backward != is_backward || place == (is_backward ? last : 0)) continue;
          const bool wraps = is_backward ? to == shape.stages - 1 : to == 0;
          if (wraps) work.chunk += is_backward ? 1 : static_cast<std::size_t>(-1);
          received.push_back(work);
        }
        EXPECT_EQ(sent, received);
      }
    }
  }
}

// No stage keeps more activations than the warm-up needs.
TEST(PipelineSchedule, KeepsFewPacksInFlight) {
  for (const std::size_t packs : {4, 8, 12}) {
    const PipelineShape shape{4, 1, packs};
    for (std::size_t stage = 0; stage < shape.stages; ++stage) {
      std::size_t now = 0, most = 0;
      for (const PipelineWork& work : pipeline_schedule(shape, stage)) {
        now += work.is_backward ? static_cast<std::size_t>(-1) : 1;
        most = std::max(most, now);
      }
      EXPECT_EQ(most, shape.stages - stage);
    }
  }
}

TEST(PipelineSchedule, WaitsAsLongAsTheLiteratureSays) {
  for (std::size_t stages = 2; stages <= 5; ++stages) {
    for (std::size_t chunks = 1; chunks <= 3; ++chunks) {
      for (std::size_t packs = stages; packs <= 4 * stages; packs += stages) {
        const auto idle = static_cast<double>(stages - 1), busy = static_cast<double>(chunks * packs);
        EXPECT_NEAR(waiting_share({stages, chunks, packs}), idle / (idle + busy), 1e-9)
            << stages << " stages, " << chunks << " chunks, " << packs << " packs";
      }
    }
  }
  EXPECT_EQ(waiting_share({1, 1, 7}), 0);
  EXPECT_EQ(waiting_share({4, 1, 0}), 0);
  EXPECT_NEAR(waiting_share({4, 1, 1}), 0.75, 1e-9);
}

}  // namespace
}  // namespace dfm::train
