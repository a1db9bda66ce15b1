// Every layout gives the numbers of one rank: the loss, every gradient, and the losses that follow. Rank 0
// computes alone what all of them compute together.
#include <array>
#include <cmath>
#include <map>
#include <sstream>

#include <gtest/gtest.h>

#include "mpi/layout_rows.h"
#include "mpi/one_rank_alone.h"
#include "train/replicas.h"

namespace dfm::train {
namespace {

using comm::Group;
using dfm::testing::Alone;

constexpr int kSteps = 20;
using Tensors = std::map<std::string, std::vector<float>>;

std::unique_ptr<Trainer> trainer_of(const LayoutRow& row, const comm::GridGroups& groups) {
  auto made = std::make_unique<Trainer>(layout_settings(row), groups, layout_reader(groups));
  made->initialize();
  disturb_by_name(made->parameters());
  return made;
}

// What one rank has: the gradients of the first step (its first moments are a tenth of them), and all losses.
struct Expected {
  Tensors moments;
  std::vector<double> losses, norms;
};

Expected computed_alone(const LayoutRow& row, const Alone& alone) {
  const auto one = trainer_of(row, alone.groups());
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

// What the packs of this rank's replica hold in the first step, over the share of its context rank.
struct Rows {
  std::int64_t tokens = 0, own_tokens = 0, texts = 0;
  std::int64_t whole_tokens = 0;  // of all context ranks
};

Rows rows_of_first_step(const comm::GridGroups& groups) {
  const nn::SequenceCut cut = nn::model_parallel(groups).sequence_cut();
  Rows rows;
  for (const auto& pack : data::StepReader(tiny_source(), tiny_reader_settings(groups.data)).read(0).packs) {
    const nn::PackLayout layout = pack_tensors(pack, {}, tiny_model()).layout.share(cut);
    for (const std::int64_t count : layout.attention_counts()) rows.tokens += count;
    rows.own_tokens += layout.tokens();
    for (const std::int64_t count : layout.whole_counts()) rows.whole_tokens += count;
    rows.texts += layout.text_rows();
  }
  return rows;
}

std::uint64_t floats(std::int64_t count) { return 4 * static_cast<std::uint64_t>(count); }

// Of the ranks that divide one kind of parameter: the elements of these, as they lie in the buffer.
std::int64_t elements_of(const nn::ParameterList& parameters, bool are_of_experts) {
  std::int64_t elements = 0;
  for (std::size_t i = 0; i < parameters.all().size(); ++i) {
    if (parameters.all()[i].placement.is_of_expert == are_of_experts)
      elements += parameters.offset(i + 1) - parameters.offset(i);
  }
  return elements;
}

// What this rank sends to the others of its expert group in the first step, summed over all ranks: in every
// pass how many rows go where, and the rows; what the experts made of them comes back; both again for the
// gradients.
std::uint64_t bytes_between_experts(const LayoutRow& row, std::int64_t layers,
                                    const comm::GridGroups& groups) {
  const std::int64_t experts = awkward_experts(row.family);
  const std::int64_t elsewhere = experts - nn::model_parallel(groups).expert_share(experts).count;
  const auto packs = data::StepReader(tiny_source(), tiny_reader_settings(groups.data)).read(0).packs;
  std::int64_t leaving = 0;
  for (const auto& pack : packs) {
    const nn::PackLayout layout = pack_tensors(pack, {}, tiny_model()).layout;
    for (const std::int64_t tokens : layout.whole_counts())
      leaving += elsewhere * nn::expert_capacity(tokens, experts, kAwkwardCapacity);
  }
  if (groups.context.rank() != 0) leaving = 0;  // each context rank has some of them
  auto passes = static_cast<std::int64_t>(packs.size());
  groups.data.all_reduce_max(std::span(&passes, 1));
  return static_cast<std::uint64_t>(layers) *
         (floats(4 * leaving * awkward_hidden(row.family)) +
          sizeof(std::int64_t) * static_cast<std::uint64_t>(passes * elsewhere));
}

// Gradients that this rank owns of parameters that are partial over such ranks.
std::int64_t owned_replicas(const nn::ParameterList& parameters, const comm::GridGroups& groups,
                            bool nn::Placement::*partial) {
  const ShardLayout layout(parameters, shard_places(groups));
  std::int64_t owned = 0;
  for (const Bucket& bucket : layout.buckets()) {
    if (parameters.all()[bucket.first_parameter].placement.*partial)
      owned += bucket.counts[static_cast<std::size_t>(groups.data_context.rank())];
  }
  return owned;
}

// Tensor ranks: each attention and the MLP of each block gather the tokens once and scatter their sum once,
// and the other way round backwards; WAN's norms sum one number a row, forward and backward; the experts'
// scores of all tokens are gathered, and summed backwards; replicas sum the gradients that they own. Data
// ranks: every gradient and every weight once. Pipeline ranks: this rank's tokens after each of its chunks
// but the last of all, and their gradients before each but the first; the gradients of what all stages have.
// All: seven numbers.
TEST_P(Layout, MovesTheBytesThatItMust) {
  const LayoutRow& row = GetParam();
  const comm::GridGroups groups(world_, comm::RankGrid(world_.size(), row.grid));
  const auto ours = trainer_of(row, groups);
  const comm::Traffic tensor = groups.tensor.traffic(), data = groups.shard.traffic(),
                      all = groups.all.traffic(), context = groups.context.traffic(),
                      pipeline = groups.pipeline.traffic(), back = groups.pipeline_back.traffic(),
                      expert = groups.expert.traffic(), expert_data = groups.expert_shard.traffic();
  ours->step();
  const bool shares = groups.tensor.size() > 1;
  const Rows rows = rows_of_first_step(groups);
  const nn::DepthCut& depth = ours->parameters().parallel().depth;
  std::int64_t layers = 0, sent = 0, sent_back = 0;
  for (int i = 0; i < depth.chunks; ++i) {
    const nn::LayerChunk chunk = depth.chunk(row.layers(), i);
    layers += chunk.layers.count;
    sent += chunk.is_last ? 0 : rows.own_tokens * awkward_hidden(row.family);
    sent_back += chunk.is_first ? 0 : rows.own_tokens * awkward_hidden(row.family);
  }
  const std::int64_t blocks = shares ? layers : 0;
  const std::int64_t once = blocks * awkward_branches(row.family) * rows.tokens * awkward_hidden(row.family);
  const std::int64_t scores = blocks * rows.tokens * awkward_experts(row.family);
  EXPECT_EQ(groups.tensor.traffic().all_gather_bytes - tensor.all_gather_bytes, floats(2 * once + scores));
  EXPECT_EQ(groups.tensor.traffic().reduce_scatter_bytes - tensor.reduce_scatter_bytes,
            floats(2 * once + scores));
  const bool shares_samples = groups.context.size() > 1;
  EXPECT_EQ(groups.context.traffic().all_gather_bytes - context.all_gather_bytes,
            shares_samples ? floats(layers * rows.whole_tokens * awkward_experts(row.family)) : 0);
  const bool norms_all_heads = row.family == std::string("Wan");
  const std::int64_t of_norms = norms_all_heads ? 2 * blocks * (3 * rows.tokens + rows.texts) : 0;
  EXPECT_EQ(
      groups.tensor.traffic().all_reduce_bytes - tensor.all_reduce_bytes,
      floats(of_norms +
             (shares ? owned_replicas(ours->parameters(), groups, &nn::Placement::partial_over_tensor) : 0)));
  const std::int64_t elements = elements_of(ours->parameters(), false);
  EXPECT_EQ(groups.shard.traffic().reduce_scatter_bytes - data.reduce_scatter_bytes,
            world_.size() > 1 ? floats(elements) : 0);
  EXPECT_EQ(groups.shard.traffic().all_gather_bytes - data.all_gather_bytes, floats(elements));
  const std::int64_t of_experts = elements_of(ours->parameters(), true);
  EXPECT_EQ(groups.expert_shard.traffic().reduce_scatter_bytes - expert_data.reduce_scatter_bytes,
            floats(of_experts));
  EXPECT_EQ(groups.expert_shard.traffic().all_gather_bytes - expert_data.all_gather_bytes,
            floats(of_experts));
  std::array between_experts{
      static_cast<std::int64_t>(groups.expert.traffic().all_to_all_bytes - expert.all_to_all_bytes),
      static_cast<std::int64_t>(row.grid.expert > 1 ? bytes_between_experts(row, layers, groups) : 0)};
  world_.all_reduce_sum(std::span<std::int64_t>(between_experts));
  EXPECT_EQ(between_experts[0], between_experts[1]);
  EXPECT_EQ(groups.pipeline.traffic().sent_bytes - pipeline.sent_bytes, floats(sent));
  EXPECT_EQ(groups.pipeline_back.traffic().sent_bytes - back.sent_bytes, floats(sent_back));
  EXPECT_EQ(groups.pipeline.traffic().all_reduce_bytes - pipeline.all_reduce_bytes,
            floats(owned_replicas(ours->parameters(), groups, &nn::Placement::partial_over_pipeline)));
  EXPECT_EQ(groups.all.traffic().all_reduce_bytes - all.all_reduce_bytes, 7 * sizeof(double));
}

INSTANTIATE_TEST_SUITE_P(
    Of, Layout,
    ::testing::Values(
        LayoutRow{"Dit", 1, {}}, LayoutRow{"Dit", 2, {}}, LayoutRow{"Dit", 2, {.tensor = 2}},
        LayoutRow{"Wan", 2, {.tensor = 2}}, LayoutRow{"MovieGen", 2, {.tensor = 2}},
        LayoutRow{"Dit", 3, {.tensor = 3}}, LayoutRow{"Wan", 3, {.tensor = 3}},
        LayoutRow{"MovieGen", 3, {.tensor = 3}}, LayoutRow{"Dit", 4, {.tensor = 2}},
        LayoutRow{"Dit", 4, {.tensor = 4}}, LayoutRow{"Wan", 4, {.tensor = 2}},
        LayoutRow{"MovieGen", 4, {.tensor = 4}}, LayoutRow{"Dit", 2, {.context = 2}},
        LayoutRow{"Dit", 2, {.context = 2, .context_heads = 2}},
        LayoutRow{"Wan", 2, {.context = 2, .context_heads = 2}}, LayoutRow{"MovieGen", 2, {.context = 2}},
        LayoutRow{"Dit", 3, {.context = 3}}, LayoutRow{"Wan", 3, {.context = 3}},
        LayoutRow{"MovieGen", 3, {.context = 3, .context_heads = 3}},
        LayoutRow{"Dit", 4, {.tensor = 2, .context = 2}},
        LayoutRow{"Wan", 4, {.tensor = 2, .context = 2, .context_heads = 2}},
        LayoutRow{"MovieGen", 4, {.tensor = 2, .context = 2, .context_heads = 2}},
        LayoutRow{"Dit", 4, {.context = 4, .context_heads = 2}}, LayoutRow{"MovieGen", 4, {.context = 2}},
        LayoutRow{"StDit", 2, {.tensor = 2}}, LayoutRow{"StDit", 2, {.context = 2}},
        LayoutRow{"StDit", 3, {.context = 3}},
        LayoutRow{"StDit", 4, {.tensor = 2, .context = 2, .context_heads = 2}}, LayoutRow{"EcDit", 2, {}},
        LayoutRow{"EcDit", 2, {.tensor = 2}}, LayoutRow{"EcDit", 2, {.context = 2}},
        LayoutRow{"EcDit", 3, {.tensor = 3}}, LayoutRow{"EcDit", 3, {.context = 3, .context_heads = 3}},
        LayoutRow{"EcDit", 4, {.tensor = 2, .context = 2}}, LayoutRow{"EcDit", 4, {.tensor = 4}},
        LayoutRow{"Dit", 2, {.pipeline = 2}}, LayoutRow{"Dit", 2, {.pipeline = 2, .pipeline_chunks = 2}},
        LayoutRow{"Wan", 2, {.pipeline = 2}}, LayoutRow{"MovieGen", 2, {.pipeline = 2}},
        LayoutRow{"StDit", 2, {.pipeline = 2, .pipeline_chunks = 2}}, LayoutRow{"Dit", 3, {.pipeline = 3}},
        LayoutRow{"MovieGen", 3, {.pipeline = 3}}, LayoutRow{"Dit", 4, {.tensor = 2, .pipeline = 2}},
        LayoutRow{"Dit", 4, {.pipeline = 2}}, LayoutRow{"Dit", 4, {.pipeline = 4}},
        LayoutRow{"Wan", 4, {.context = 2, .pipeline = 2}},
        LayoutRow{"Wan", 4, {.pipeline = 2, .pipeline_chunks = 2}},
        LayoutRow{"MovieGen", 4, {.tensor = 2, .pipeline = 2, .pipeline_chunks = 2}},
        LayoutRow{"StDit", 4, {.context = 2, .pipeline = 2, .context_heads = 2}},
        LayoutRow{"EcDit", 2, {.pipeline = 2}},
        LayoutRow{"EcDit", 4, {.tensor = 2, .pipeline = 2, .pipeline_chunks = 2}},
        LayoutRow{"Dit", 8, {.tensor = 2, .context = 2, .pipeline = 2, .pipeline_chunks = 2}},
        LayoutRow{"Wan", 8, {.tensor = 2, .context = 2, .pipeline = 2}},
        LayoutRow{"MovieGen", 8, {.tensor = 2, .pipeline = 2}}, LayoutRow{"EcDit", 2, {.expert = 2}},
        LayoutRow{"EcDit", 3, {.expert = 3}}, LayoutRow{"EcDit", 4, {.expert = 2}},
        LayoutRow{"EcDit", 4, {.expert = 4}}, LayoutRow{"EcDit", 4, {.tensor = 2, .expert = 2}},
        LayoutRow{"EcDit", 4, {.context = 2, .expert = 2}},
        LayoutRow{"EcDit", 4, {.pipeline = 2, .expert = 2}}),
    [](const auto& row) { return row.param.name(); });

}  // namespace
}  // namespace dfm::train
