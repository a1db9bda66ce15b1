// Training that goes on from a checkpoint: on as many ranks with the same bits, on another number of ranks
// from the same state.
#include <gtest/gtest.h>

#include "ckpt/saver.h"
#include "mpi/newest_valid.h"
#include "mpi/one_rank_alone.h"
#include "mpi/shared_folder.h"
#include "unit/train/odd_parameters.h"
#include "unit/train/tiny_training.h"

namespace dfm::train {
namespace {

using dfm::testing::Alone;
using dfm::testing::SharedFolder;

constexpr std::array kKinds{"weights", "exp_avg", "exp_avg_sq", "ema"};

class Restart : public ::testing::TestWithParam<at::ScalarType> {
 protected:
  TrainerSettings settings() const {
    TrainerSettings settings = tiny_settings(GetParam());
    settings.adam.ema_decay = 0.9;
    return settings;
  }
  std::unique_ptr<Trainer> trainer(const comm::GridGroups& groups) const {
    return std::make_unique<Trainer>(settings(), groups, tiny_reader(groups));
  }
  // Collective over `saving`.
  ckpt::Listed saved(const Trainer& from, const comm::Group& saving,
                     const std::filesystem::path& root) const {
    ckpt::Manifest manifest;
    manifest.step = from.steps_done();
    manifest.consumed_samples = from.consumed_samples();
    ckpt::Saver(saving, {.root = root, .retention = {}}).save_now(manifest, from.pieces());
    return dfm::testing::newest_valid(saving, root).value();
  }

  const comm::Group world_ = comm::Group::world();
  const comm::GridGroups groups_{world_, comm::RankGrid(world_.size(), {})};
  const Alone alone_{world_};
  const SharedFolder folder_{world_};
};

TEST_P(Restart, OnTheSameRanksGoesOnWithTheSameBits) {
  const auto first = trainer(groups_);
  first->initialize();
  for (int i = 0; i < 3; ++i) first->step();
  const auto second = trainer(groups_);
  second->load(saved(*first, world_, folder_.path()));
  EXPECT_EQ(second->steps_done(), 3);
  EXPECT_EQ(second->consumed_samples(), 3 * kTinyBatch);
  EXPECT_TRUE(at::equal(second->parameters().buffer(), first->parameters().buffer()));
  for (int i = 0; i < 2; ++i) {
    const StepResult expected = first->step(), ours = second->step();
    EXPECT_EQ(ours.loss, expected.loss);
    EXPECT_EQ(ours.gradient_norm, expected.gradient_norm);
  }
  EXPECT_TRUE(at::equal(second->parameters().buffer(), first->parameters().buffer()));
}

// One rank owns everything: its state is put together from the files of all.
TEST_P(Restart, OnOneRankHasTheStateOfAll) {
  const auto first = trainer(groups_);
  first->initialize();
  for (int i = 0; i < 2; ++i) first->step();
  const auto one = trainer(alone_.groups());
  one->load(saved(*first, world_, folder_.path()));
  EXPECT_TRUE(at::equal(one->parameters().buffer(), first->parameters().buffer()));
  const auto whole = one->pieces();
  for (const ckpt::Piece& piece : first->pieces()) {
    const at::Tensor expected = from_pieces(whole, piece.kind, piece.parameter);
    const float* const begin = expected.const_data_ptr<float>() + piece.begin;
    EXPECT_TRUE(std::equal(piece.values.begin(), piece.values.end(), begin))
        << piece.kind << " of " << piece.parameter;
  }
}

TEST_P(Restart, OnAllRanksHasTheStateOfOne) {
  const auto one = trainer(alone_.groups());
  one->initialize();
  for (int i = 0; i < 2; ++i) one->step();
  // Every rank computed the same; the checkpoint of rank 0 is the one that all read.
  if (world_.rank() == 0) saved(*one, alone_.group(), folder_.path());
  const auto found = dfm::testing::newest_valid(world_, folder_.path());
  ASSERT_TRUE(found);
  const auto ours = trainer(groups_);
  ours->load(*found);
  EXPECT_TRUE(at::equal(ours->parameters().buffer(), one->parameters().buffer()));
  for (const char* const kind : kKinds) {
    for (const ckpt::Piece& piece : ours->pieces()) {
      if (piece.kind != kind) continue;
      const at::Tensor expected = from_pieces(one->pieces(), kind, piece.parameter);
      const float* const begin = expected.const_data_ptr<float>() + piece.begin;
      EXPECT_TRUE(std::equal(piece.values.begin(), piece.values.end(), begin))
          << kind << " of " << piece.parameter;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Of, Restart, ::testing::Values(at::kFloat, at::kBFloat16),
                         [](const auto& dtype) { return std::string(at::toString(dtype.param)); });

}  // namespace
}  // namespace dfm::train
