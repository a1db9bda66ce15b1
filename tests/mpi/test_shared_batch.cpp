// A batch that one rank reads and all of its group have.
#include <gtest/gtest.h>

#include "comm/agree.h"
#include "data/loader/shared_batch.h"

namespace dfm::data {
namespace {

using comm::Group;

Array numbers(std::int64_t count, float first) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = first + static_cast<float>(i);
  return from_floats(values, {1, count}, count % 2 == 0 ? DType::float32 : DType::bfloat16);
}

PositionedSample sample(std::int64_t position) {
  return {position, {"key \xff", numbers(position + 1, 5), numbers(2, 7)}, 10 * position};
}

StepBatch batch() {
  StepBatch batch;
  batch.packs = {{sample(3), sample(8)}, {sample(4)}};
  batch.planned_tokens = 77;
  batch.fill = 1.0 / 3;
  batch.imbalance = 0.1;
  batch.bad = {{9, 90, "cannot be read"}};
  return batch;
}

void expect_same(const Array& actual, const Array& expected) {
  EXPECT_EQ(actual.dtype, expected.dtype);
  EXPECT_EQ(actual.shape, expected.shape);
  EXPECT_EQ(actual.bytes, expected.bytes);
}

TEST(SharedBatch, IsReadByOneRankAndSeenByAll) {
  const Group world = Group::world();
  int reads = 0;
  const StepBatch ours = read_once(world, [&] {
    ++reads;
    return batch();
  });
  EXPECT_EQ(reads, world.rank() == 0 ? 1 : 0);
  const StepBatch expected = batch();
  EXPECT_EQ(ours.planned_tokens, expected.planned_tokens);
  EXPECT_EQ(ours.fill, expected.fill);
  EXPECT_EQ(ours.imbalance, expected.imbalance);
  ASSERT_EQ(ours.packs.size(), expected.packs.size());
  for (std::size_t i = 0; i < ours.packs.size(); ++i) {
    ASSERT_EQ(ours.packs[i].size(), expected.packs[i].size());
    for (std::size_t j = 0; j < ours.packs[i].size(); ++j) {
      const PositionedSample &actual = ours.packs[i][j], &wanted = expected.packs[i][j];
      EXPECT_EQ(actual.position, wanted.position);
      EXPECT_EQ(actual.number, wanted.number);
      expect_same(actual.sample.latent, wanted.sample.latent);
      expect_same(actual.sample.text, wanted.sample.text);
    }
  }
}

TEST(SharedBatch, ReportsABadSampleOnce) {
  const Group world = Group::world();
  const StepBatch ours = read_once(world, batch);
  EXPECT_EQ(ours.bad.size(), world.rank() == 0 ? 1U : 0U);
}

TEST(SharedBatch, WithoutPacksIsOne) {
  EXPECT_TRUE(read_once(Group::world(), [] { return StepBatch(); }).packs.empty());
}

TEST(SharedBatch, ThatCannotBeReadIsAnErrorOnEveryRankWhichOthersDoNotKnowOf) {
  const Group world = Group::world();
  const Group half = world.split(world.rank() % 2, "half");
  const auto read = [&]() -> StepBatch {
    if (world.rank() % 2 == 1) throw data_error("a sample is too long", "shorten it");
    return batch();
  };
  try {
    comm::agreed(world, [&] { return read_once(half, read); });
    EXPECT_EQ(world.size(), 1);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ExitCode::data);
    EXPECT_NE(std::string(error.what()).find("a sample is too long"), std::string::npos);
    EXPECT_EQ(error.hint(), "shorten it");
  }
}

}  // namespace
}  // namespace dfm::data
