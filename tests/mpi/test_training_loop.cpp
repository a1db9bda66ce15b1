// The loop around the steps on these ranks: when it saves, validates and stops.
#include <gtest/gtest.h>

#include "comm/agree.h"
#include "core/error.h"
#include "core/stop_token.h"
#include "mpi/newest_valid.h"
#include "mpi/one_rank_alone.h"
#include "mpi/shared_folder.h"
#include "train/loop.h"
#include "train/validation.h"
#include "unit/train/tiny_training.h"

namespace dfm::train {
namespace {

using Steps = std::vector<std::int64_t>;

class TrainingLoop : public ::testing::Test {
 protected:
  std::unique_ptr<Trainer> trainer() const {
    auto made = std::make_unique<Trainer>(tiny_settings(), groups_, tiny_reader(groups_));
    made->initialize();
    return made;
  }
  LoopSettings settings(std::int64_t train_iters) const {
    LoopSettings settings;
    settings.train_iters = train_iters;
    settings.saving.saver.root = folder_.path();
    settings.saving.config = {{"model.num_layers", "2"}};
    settings.saving.data_fingerprint = "tiny";
    return settings;
  }
  // Collective. Steps of the valid checkpoints, newest first.
  Steps saved_steps() const {
    world_.barrier();
    Steps steps;
    for (const ckpt::Listed& listed : ckpt::list_checkpoints(folder_.path())) {
      if (listed.manifest) steps.push_back(listed.step);
    }
    world_.barrier();
    return steps;
  }

  const comm::Group world_ = comm::Group::world();
  const comm::GridGroups groups_{world_, comm::RankGrid(world_.size(), {})};
  const dfm::testing::SharedFolder folder_{world_};
};

TEST_F(TrainingLoop, SavesOnTheWayAndAtTheEnd) {
  LoopSettings every_second = settings(5);
  every_second.saving.cadence.steps = 2;
  const auto ours = trainer();
  EXPECT_EQ(train(*ours, world_, every_second, {}), ExitCode::done);
  EXPECT_EQ(ours->steps_done(), 5);
  EXPECT_EQ(saved_steps(), (Steps{5, 4, 2}));
}

TEST_F(TrainingLoop, KeepsTheNewestCheckpoints) {
  LoopSettings two = settings(5);
  two.saving.cadence.steps = 1;
  two.saving.saver.retention.most_recent = 2;
  train(*trainer(), world_, two, {});
  EXPECT_EQ(saved_steps(), (Steps{5, 4}));
}

TEST_F(TrainingLoop, RecordsWhereItStands) {
  LoopSettings resumed = settings(2);
  resumed.saving.seconds_before = 1000;
  train(*trainer(), world_, resumed, {});
  const auto found = dfm::testing::newest_valid(world_, folder_.path());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->manifest->consumed_samples, 2 * kTinyBatch);
  EXPECT_EQ(found->manifest->ranks, world_.size());
  EXPECT_EQ(found->manifest->data_fingerprint, "tiny");
  EXPECT_EQ(found->manifest->config.at("model.num_layers"), "2");
  EXPECT_GE(found->manifest->seconds_trained, 1000);
}

TEST_F(TrainingLoop, ValidatesAtItsIntervalAndAtTheEnd) {
  LoopSettings every_second = settings(5);
  every_second.eval_interval = 2;
  Steps validated;
  train(*trainer(), world_, every_second,
        {.validate = [&](std::int64_t step) { validated.push_back(step); }});
  EXPECT_EQ(validated, (Steps{2, 4, 5}));
}

TEST_F(TrainingLoop, DoesNothingWhenTheStepsAreDone) {
  const auto ours = trainer();
  train(*ours, world_, settings(2), {});
  EXPECT_EQ(train(*ours, world_, settings(2), {}), ExitCode::done);
  EXPECT_EQ(ours->steps_done(), 2);
}

TEST_F(TrainingLoop, HasTheValidationLossOfOneRank) {
  const dfm::testing::Alone alone(world_);
  const model::SmallDit model(tiny_model());
  const comm::GridGroups groups(world_, comm::RankGrid(world_.size(), {}));
  const auto loss = [&](const comm::GridGroups& ranks) {
    return validate(model.network, tiny_source(), {20, 16, 4}, diffusion::edm_objective({}), ranks);
  };
  const ValidationResult together = loss(groups), expected = loss(alone.groups());
  EXPECT_NEAR(together.loss, expected.loss, 1e-6 * expected.loss);
  ASSERT_EQ(together.loss_at_sigma.size(), expected.loss_at_sigma.size());
  for (const auto& [sigma, value] : expected.loss_at_sigma) {
    EXPECT_NEAR(together.loss_at_sigma.at(sigma), value, 1e-6 * value) << "sigma " << sigma;
  }
}

// The others may wait for that rank in the pass, so that it must not wait for them to agree.
TEST_F(TrainingLoop, AnErrorInAPassOfValidationWaitsForNobody) {
  model::SmallDit model(tiny_model());
  const comm::Group in_the_pass = world_.split(0, "in the pass");
  const bool fails_first = world_.rank() == world_.size() - 1;
  model.network.forward = [&](const model::PackInput&, const nn::PackLayout&) -> at::Tensor {
    if (!fails_first) in_the_pass.barrier();
    throw data_error("within a pass");
  };
  try {
    validate(model.network, tiny_source(), {20, 16, 4}, diffusion::edm_objective({}), groups_);
    ADD_FAILURE() << "there was no error";
  } catch (const Error& error) {
    EXPECT_EQ(dynamic_cast<const comm::AgreedError*>(&error), nullptr) << error.what();
  }
  if (fails_first) in_the_pass.barrier();
}

// The last test: a request to stop cannot be taken back.
TEST_F(TrainingLoop, StopsOnAllRanksWithACheckpointWhenOneIsAsked) {
  LoopSettings long_run = settings(100);
  long_run.eval_interval = 2;
  const auto ours = trainer();
  const auto ask_last_rank = [&](std::int64_t) {
    if (world_.rank() == world_.size() - 1) StopToken::request("a test");
  };
  EXPECT_EQ(train(*ours, world_, long_run, {.validate = ask_last_rank}), ExitCode::stopped);
  EXPECT_EQ(ours->steps_done(), 3);
  EXPECT_EQ(saved_steps(), (Steps{3}));
}

}  // namespace
}  // namespace dfm::train
