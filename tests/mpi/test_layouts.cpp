// Every layout gives the numbers of one rank: the loss, every gradient, and the losses that follow. Rank 0
// computes alone what all of them compute together.
#include <array>
#include <cmath>
#include <map>
#include <sstream>

#include <gtest/gtest.h>

#include "mpi/layout_rows.h"
#include "mpi/moved_bytes.h"
#include "mpi/one_rank_alone.h"

namespace dfm::train {
namespace {

using comm::Group;
using comm::Sharding;
using dfm::testing::Alone;

constexpr int kSteps = 20;
using Tensors = std::map<std::string, std::vector<float>>;

std::unique_ptr<Trainer> trainer_alone(const LayoutRow& row, const Alone& alone) {
  TrainerSettings settings = layout_settings(row);
  settings.sharding = Sharding::optimizer;
  return started(settings, alone.groups());
}

// What one rank has: the gradients of the first step (its first moments are a tenth of them), and all losses.
struct Expected {
  Tensors moments;
  std::vector<double> losses, norms;
};

Expected computed_alone(const LayoutRow& row, const Alone& alone) {
  const auto one = trainer_alone(row, alone);
  Expected expected;
  for (int step = 0; step < kSteps; ++step) {
    const StepResult result = one->step();
    expected.losses.push_back(result.loss);
    expected.norms.push_back(result.gradient_norm);
    if (step > 0) continue;
    for (const ckpt::Piece& piece : one->pieces()) {
      if (piece.kind == "exp_avg")
        expected.moments[piece.parameter].assign(piece.values.begin(), piece.values.end());
    }
  }
  return expected;
}

// Once a network.
const Expected& expected_of(const LayoutRow& row, const Alone& alone) {
  static std::map<std::pair<std::string, std::int64_t>, Expected> known;
  const std::pair network(row.family, row.layers());
  const auto found = known.find(network);
  return found != known.end() ? found->second : known[network] = computed_alone(row, alone);
}

std::vector<float> broadcast(std::vector<float> values, std::int64_t count, const Group& world) {
  values.resize(static_cast<std::size_t>(count));
  world.broadcast(std::as_writable_bytes(std::span(values)), 0);
  return values;
}

// Of one tensor, over all ranks: how far the pieces are from what is expected, and how many elements they
// are.
struct Deviation {
  double squared_error = 0, squared_size = 0;
  double elements = 0;

  void add(const ckpt::Piece& piece, const std::vector<float>& whole) {
    const Stripe stripe = piece.stripe.value_or(dfm::whole(static_cast<std::int64_t>(whole.size())));
    for (std::size_t i = 0; i < piece.values.size(); ++i) {
      const float expected =
          whole.at(static_cast<std::size_t>(stripe.global(piece.begin + static_cast<std::int64_t>(i))));
      squared_error += std::pow(piece.values[i] - expected, 2);
    }
    elements += static_cast<double>(piece.values.size());
  }
};

class Layout : public ::testing::TestWithParam<LayoutRow> {
 protected:
  void SetUp() override {
    if (world_.size() != GetParam().ranks) GTEST_SKIP() << "needs " << GetParam().ranks << " ranks";
  }

  std::vector<double> of_rank_0(std::vector<double> values) const {
    values.resize(kSteps);
    world_.broadcast(std::as_writable_bytes(std::span(values)), 0);
    return values;
  }

  // Every element of every gradient, once, wherever it is.
  void expect_moments(const Tensors& expected, const std::vector<ckpt::Piece>& ours) const {
    std::string names;
    for (const auto& [name, values] : expected) names += name + ":" + std::to_string(values.size()) + "\n";
    std::istringstream list(world_.broadcast_text(names, 0));
    for (std::string line; std::getline(list, line);) {
      const auto colon = line.find(':');
      const std::string name = line.substr(0, colon);
      const std::int64_t count = std::stoll(line.substr(colon + 1));
      const auto known = expected.find(name);
      expect_moment(name,
                    broadcast(known == expected.end() ? std::vector<float>() : known->second, count, world_),
                    ours);
    }
  }

  void expect_moment(const std::string& name, const std::vector<float>& whole,
                     const std::vector<ckpt::Piece>& ours) const {
    Deviation found;
    for (const ckpt::Piece& piece : ours) {
      if (piece.kind == "exp_avg" && piece.parameter == name) found.add(piece, whole);
    }
    std::array sums{found.squared_error, found.elements};
    world_.all_reduce_sum(std::span<double>(sums));
    double squares = 0;
    for (const float value : whole) squares += value * value;
    EXPECT_EQ(sums[1], static_cast<double>(whole.size())) << name << " is not there once";
    EXPECT_LE(std::sqrt(sums[0]), 1e-5 * std::sqrt(squares)) << name;
  }

  const Group world_ = Group::world();
  const Alone alone_{world_};
};

TEST_P(Layout, HasTheLossEveryGradientAndTheLossesThatFollowOfOneRank) {
  const LayoutRow& row = GetParam();
  const Expected expected = world_.rank() == 0 ? expected_of(row, alone_) : Expected();
  const auto losses = of_rank_0(expected.losses), norms = of_rank_0(expected.norms);
  const comm::GridGroups groups(world_, comm::RankGrid(world_.size(), row.grid));
  const auto ours = trainer_of(row, groups);
  for (int step = 0; step < kSteps; ++step) {
    const StepResult result = ours->step();
    EXPECT_NEAR(result.loss, losses[step], 1e-5 * losses[step]) << "step " << result.step;
    EXPECT_NEAR(result.gradient_norm, norms[step], 1e-4 * norms[step]) << "step " << result.step;
    if (step == 0) expect_moments(expected.moments, ours->pieces());
  }
}

TEST_P(Layout, MovesTheBytesThatItMust) {
  const comm::GridGroups groups(world_, comm::RankGrid(world_.size(), GetParam().grid));
  const MovedBytes moved(GetParam(), groups);
  moved.expect_between_tensor_ranks();
  moved.expect_between_context_ranks();
  moved.expect_between_data_ranks();
  moved.expect_between_expert_ranks();
  moved.expect_between_stages();
  moved.expect_between_all();
}

// The layouts that users' documents name, whole, are those of eight ranks.
constexpr Sharding kFsdp = Sharding::parameters;

INSTANTIATE_TEST_SUITE_P(
    Of, Layout,
    ::testing::Values(
        LayoutRow{"Dit", 1, {}}, LayoutRow{"Dit", 2, {}}, LayoutRow{"Dit", 2, {.tensor = 2}},
        LayoutRow{"Wan", 2, {.tensor = 2}}, LayoutRow{"MovieGen", 2, {.tensor = 2}},
        LayoutRow{"StDit", 2, {.tensor = 2}}, LayoutRow{"EcDit", 2, {}}, LayoutRow{"EcDit", 2, {.tensor = 2}},
        LayoutRow{"Dit", 2, {.context = 2}}, LayoutRow{"Dit", 2, {.context = 2, .context_heads = 2}},
        LayoutRow{"Wan", 2, {.context = 2, .context_heads = 2}}, LayoutRow{"MovieGen", 2, {.context = 2}},
        LayoutRow{"StDit", 2, {.context = 2}}, LayoutRow{"EcDit", 2, {.context = 2}},
        LayoutRow{"Dit", 2, {.pipeline = 2}}, LayoutRow{"Dit", 2, {.pipeline = 2, .pipeline_chunks = 2}},
        LayoutRow{"Wan", 2, {.pipeline = 2}}, LayoutRow{"MovieGen", 2, {.pipeline = 2}},
        LayoutRow{"StDit", 2, {.pipeline = 2, .pipeline_chunks = 2}}, LayoutRow{"EcDit", 2, {.pipeline = 2}},
        LayoutRow{"EcDit", 2, {.expert = 2}}, LayoutRow{"EcDit", 2, {.context = 2, .expert = 2}},
        LayoutRow{"Dit", 2, {.tensor = 2}, kFsdp}, LayoutRow{"StDit", 2, {}, kFsdp},
        LayoutRow{"EcDit", 2, {.expert = 2}, kFsdp},

        LayoutRow{"Dit", 3, {.tensor = 3}}, LayoutRow{"Wan", 3, {.tensor = 3}},
        LayoutRow{"MovieGen", 3, {.tensor = 3}}, LayoutRow{"EcDit", 3, {.tensor = 3}},
        LayoutRow{"Dit", 3, {.context = 3}}, LayoutRow{"Wan", 3, {.context = 3}},
        LayoutRow{"MovieGen", 3, {.context = 3, .context_heads = 3}}, LayoutRow{"StDit", 3, {.context = 3}},
        LayoutRow{"EcDit", 3, {.context = 3, .context_heads = 3}}, LayoutRow{"Dit", 3, {.pipeline = 3}},
        LayoutRow{"MovieGen", 3, {.pipeline = 3}}, LayoutRow{"EcDit", 3, {.expert = 3}},
        LayoutRow{"Dit", 3, {}, kFsdp}, LayoutRow{"Wan", 3, {}, kFsdp}, LayoutRow{"MovieGen", 3, {}, kFsdp},
        LayoutRow{"EcDit", 3, {.expert = 3}, kFsdp},

        LayoutRow{"Dit", 4, {.tensor = 4}}, LayoutRow{"MovieGen", 4, {.tensor = 4}},
        LayoutRow{"Dit", 4, {.context = 4, .context_heads = 2}}, LayoutRow{"StDit", 4, {.context = 4}},
        LayoutRow{"Dit", 4, {.pipeline = 4}}, LayoutRow{"Wan", 4, {.pipeline = 2, .pipeline_chunks = 2}},
        LayoutRow{"MovieGen", 4, {.tensor = 2, .pipeline = 2, .pipeline_chunks = 2}},
        LayoutRow{"StDit", 4, {.context = 2, .pipeline = 2, .context_heads = 2}},
        LayoutRow{"EcDit", 4, {.expert = 2}}, LayoutRow{"EcDit", 4, {.expert = 4}},
        LayoutRow{"EcDit", 4, {.tensor = 2, .expert = 2}}, LayoutRow{"EcDit", 4, {.context = 2, .expert = 2}},
        LayoutRow{"EcDit", 4, {.pipeline = 2, .expert = 2}},
        LayoutRow{"EcDit", 4, {.tensor = 2, .expert = 2}, kFsdp}, LayoutRow{"Dit", 4, {.pipeline = 2}, kFsdp},
        LayoutRow{"MovieGen", 4, {.pipeline = 2, .pipeline_chunks = 2}, kFsdp},
        LayoutRow{"EcDit", 4, {.pipeline = 2, .expert = 2}, kFsdp},

        LayoutRow{"Dit", 8, {}, kFsdp}, LayoutRow{"Dit", 8, {.tensor = 2, .context = 2}, kFsdp},
        LayoutRow{"Wan", 8, {.tensor = 2, .context = 2}, kFsdp},
        LayoutRow{"MovieGen", 8, {.tensor = 2, .context = 2, .context_heads = 2}, kFsdp},
        LayoutRow{"StDit", 8, {.tensor = 2, .context = 2}, kFsdp},
        LayoutRow{"EcDit", 8, {.tensor = 2, .context = 2, .expert = 2}, kFsdp},
        LayoutRow{"Dit", 8, {.tensor = 2, .context = 2}},
        LayoutRow{"Wan", 8, {.tensor = 2, .context = 2, .context_heads = 2}},
        LayoutRow{"MovieGen", 8, {.tensor = 2, .context = 2}},
        LayoutRow{"StDit", 8, {.tensor = 2, .context = 2, .context_heads = 2}},

        LayoutRow{"Dit", 8, {.tensor = 2, .context = 2, .pipeline = 2, .pipeline_chunks = 2}},
        LayoutRow{"Wan", 8, {.tensor = 2, .context = 2, .pipeline = 2}},
        LayoutRow{"MovieGen", 8, {.tensor = 2, .context = 2, .pipeline = 2, .context_heads = 2}},
        LayoutRow{"StDit", 8, {.tensor = 2, .context = 2, .pipeline = 2}},
        LayoutRow{"EcDit", 8, {.tensor = 2, .context = 2, .pipeline = 2, .expert = 2}},
        LayoutRow{"Dit", 8, {.tensor = 2, .pipeline = 2, .pipeline_chunks = 2}, kFsdp},
        LayoutRow{"Dit", 8, {.context = 2, .pipeline = 2}, kFsdp}),
    [](const auto& row) { return row.param.name(); });

}  // namespace
}  // namespace dfm::train
