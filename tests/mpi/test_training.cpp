// Training on these ranks against the same training that each rank does alone: losses, gradients, state and
// weights; and what a step costs in traffic.
#include <map>

#include <gtest/gtest.h>

#include "core/hash.h"
#include "mpi/one_rank_alone.h"
#include "unit/train/odd_parameters.h"
#include "unit/train/tiny_training.h"

namespace dfm::train {
namespace {

using dfm::testing::Alone;
using dfm::testing::relative_error;

constexpr int kSteps = 4;

struct Way {
  const char* name;
  NoiseSharing sharing;
  data::Planner plan;
};

class TrainingTogether : public ::testing::TestWithParam<Way> {
 protected:
  std::unique_ptr<Trainer> trainer(const comm::GridGroups& groups, const TrainerSettings& base) const {
    TrainerSettings settings = base;
    settings.noise.sharing = GetParam().sharing;
    data::StepReaderSettings of_reader = tiny_reader_settings(groups.data_context);
    of_reader.plan = GetParam().plan;
    auto made = std::make_unique<Trainer>(settings, groups, reader(tiny_source(), of_reader));
    made->initialize();
    if (settings.dtype == at::kFloat) disturb(made->parameters());
    return made;
  }
  std::unique_ptr<Trainer> together(const TrainerSettings& settings = tiny_settings()) const {
    return trainer(groups_, settings);
  }
  std::unique_ptr<Trainer> alone(const TrainerSettings& settings = tiny_settings()) const {
    return trainer(alone_.groups(), settings);
  }

  const comm::Group world_ = comm::Group::world();
  const comm::GridGroups groups_{world_, comm::RankGrid(world_.size(), {})};
  const Alone alone_{world_};
};

// Each of our pieces against the same range of a trainer that owns everything.
void expect_same_state(const std::vector<ckpt::Piece>& ours, const std::vector<ckpt::Piece>& whole,
                       const std::string& kind, double tolerance) {
  for (const ckpt::Piece& piece : ours) {
    if (piece.kind != kind) continue;
    const auto count = static_cast<std::int64_t>(piece.values.size());
    const at::Tensor mine = from_pieces(ours, kind, piece.parameter).narrow(0, piece.begin, count);
    const at::Tensor expected = from_pieces(whole, kind, piece.parameter);
    const double size = expected.norm().item<double>();
    const double error = (mine - expected.narrow(0, piece.begin, count)).norm().item<double>();
    EXPECT_LE(error, tolerance * size) << kind << " of " << piece.parameter << "@" << piece.begin;
  }
}

TEST_P(TrainingTogether, HasTheLossesAndNormsOfOneRank) {
  const auto ours = together(), one = alone();
  for (int i = 0; i < kSteps; ++i) {
    const StepResult mine = ours->step(), expected = one->step();
    EXPECT_NEAR(mine.loss, expected.loss, 1e-6 * expected.loss) << "step " << mine.step;
    EXPECT_NEAR(mine.gradient_norm, expected.gradient_norm, 1e-5 * expected.gradient_norm);
    EXPECT_EQ(mine.tokens, expected.tokens);
    EXPECT_EQ(mine.consumed_samples, expected.consumed_samples);
  }
}

// The first moment of the first step is a tenth of the gradient.
TEST_P(TrainingTogether, HasEveryGradientOfOneRank) {
  const auto ours = together(), one = alone();
  ours->step();
  one->step();
  expect_same_state(ours->pieces(), one->pieces(), "exp_avg", 1e-5);
}

TEST_P(TrainingTogether, HasTheWeightsOfOneRank) {
  const auto ours = together(), one = alone();
  for (int i = 0; i < kSteps; ++i) {
    ours->step();
    one->step();
  }
  EXPECT_LT(relative_error(ours->parameters().buffer(), one->parameters().buffer()), 1e-5);
  expect_same_state(ours->pieces(), one->pieces(), "exp_avg_sq", 1e-4);
}

TEST_P(TrainingTogether, ClipsAsOneRankDoes) {
  TrainerSettings settings = tiny_settings();
  settings.clip_grad = 0.01;
  const auto ours = together(settings), one = alone(settings);
  ours->step();
  one->step();
  expect_same_state(ours->pieces(), one->pieces(), "exp_avg", 1e-5);
}

// Gradients of different packs are rounded to bfloat16 before they are added.
TEST_P(TrainingTogether, InBfloat16FollowsOneRankWithinItsResolution) {
  const TrainerSettings settings = tiny_settings(at::kBFloat16);
  const auto ours = together(settings), one = alone(settings);
  for (int i = 0; i < kSteps; ++i) {
    const StepResult mine = ours->step(), expected = one->step();
    EXPECT_NEAR(mine.loss, expected.loss, 0.01 * expected.loss);
    EXPECT_NEAR(mine.gradient_norm, expected.gradient_norm, 0.02 * expected.gradient_norm);
  }
}

TEST_P(TrainingTogether, LeavesAllRanksWithTheSameBits) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const auto ours = together(tiny_settings(dtype));
    ours->step();
    ours->step();
    const at::Tensor& buffer = ours->parameters().buffer();
    const std::span bytes(static_cast<const std::byte*>(buffer.const_data_ptr()), buffer.nbytes());
    const std::string mine = hex(hash64(bytes));
    for (const std::string& other : world_.all_gather_text(mine)) EXPECT_EQ(other, mine);
  }
}

// ZeRO-1 moves every gradient once (float32) and every weight once; the ranks agree by one message of
// seven float64: loss, tokens, norm, bad samples, stop, and whether a save is ready and one is due.
TEST_P(TrainingTogether, MovesEveryGradientAndEveryWeightOnceAStep) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const auto ours = together(tiny_settings(dtype));
    const comm::Traffic before = groups_.shard.traffic(), before_of_all = groups_.all.traffic();
    ours->step();
    const comm::Traffic after = groups_.shard.traffic(), after_of_all = groups_.all.traffic();
    const auto elements = static_cast<std::uint64_t>(ours->parameters().buffer().numel());
    EXPECT_EQ(after.reduce_scatter_bytes - before.reduce_scatter_bytes, world_.size() > 1 ? 4 * elements : 0);
    EXPECT_EQ(after.all_gather_bytes - before.all_gather_bytes, at::elementSize(dtype) * elements);
    EXPECT_EQ(after_of_all.all_reduce_bytes - before_of_all.all_reduce_bytes, 7 * sizeof(double));
    EXPECT_EQ(after.all_reduce_bytes, before.all_reduce_bytes);
    EXPECT_EQ(after.broadcast_bytes, before.broadcast_bytes);
  }
}

INSTANTIATE_TEST_SUITE_P(Noise, TrainingTogether,
                         ::testing::Values(Way{"PerSample", NoiseSharing::per_sample, data::plan_by_sample},
                                           Way{"PerPack", NoiseSharing::per_pack, data::plan_by_pack}),
                         [](const auto& way) { return std::string(way.param.name); });

}  // namespace
}  // namespace dfm::train
