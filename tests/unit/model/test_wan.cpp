// WAN: its parameters, its cost, and what a pack, padding and recomputation do not change. The numbers
// themselves are compared with diffusers in tests/interop.
#include <gtest/gtest.h>

#include "config/keys.h"
#include "config/layers.h"
#include "model/patchify.h"
#include "model/wan.h"
#include "support/errors.h"
#include "support/tensors.h"

namespace dfm::model {
namespace {

using dfm::testing::error_of;
using dfm::testing::Normals;
using dfm::testing::relative_error;

WanShape shape_of_recipe(const std::string& name) {
  Config config(all_keys());
  for (const Layer& layer : read_recipe(name)) config.apply(layer);
  return wan_shape(config);
}

std::int64_t parameters_of(const std::string& recipe) {
  nn::ParameterList parameters;
  wan_spec(shape_of_recipe(recipe)).build(parameters);
  EXPECT_FALSE(parameters.buffer().defined());
  return parameters.total_count();
}

TEST(WanParameters, OfBothSizesAreAsManyAsInTheReference) {
  EXPECT_EQ(parameters_of("wan_1_3b"), 1'418'996'800);
  EXPECT_EQ(parameters_of("wan_14b"), 14'288'491'584);
}

// spec/dfm.md section 6.2, three passes.
TEST(WanFlops, AreThoseOfTheReferencesFormula) {
  const auto step = [](const char* recipe, std::int64_t tokens) {
    return 3 * wan_spec(shape_of_recipe(recipe)).forward_flops({tokens}, 226);
  };
  EXPECT_NEAR(step("wan_14b", 37'440), 6.184e15, 0.001e15);
  EXPECT_NEAR(step("wan_1_3b", 32'760), 8.490e14, 0.001e14);
  EXPECT_NEAR(step("wan_1_3b", 37'440), 1.0671e15, 0.0001e15);
}

WanShape small_wan() {
  WanShape shape;
  shape.num_layers = 3;
  shape.hidden_size = 48;
  shape.num_attention_heads = 2;
  shape.ffn_hidden_size = 64;
  shape.crossattn_emb_size = 40;
  shape.text_dim = 24;
  shape.freq_dim = 32;
  shape.layernorm_epsilon = 1e-6;
  shape.patches.in_channels = 4;
  return shape;
}

struct SmallWan {
  nn::ParameterList parameters;
  Backbone network;

  explicit SmallWan(const WanShape& shape = small_wan(), const RecomputePlan& plan = {})
      : network(wan_spec(shape, plan).build(parameters)) {
    parameters.materialize(at::kFloat);
    parameters.initialize(3);
  }
};

struct Pack {
  PackInput input;
  nn::PackLayout layout;
};

Pack pack_of(const std::vector<PatchGrid>& grids, const std::vector<std::int64_t>& rows) {
  Normals normals(5);
  std::vector<std::int64_t> tokens;
  std::vector<at::Tensor> inputs, positions, texts, levels;
  for (std::size_t i = 0; i < grids.size(); ++i) {
    tokens.push_back(grids[i].tokens());
    inputs.push_back(normals({grids[i].tokens(), 16}));
    positions.push_back(token_positions(grids[i]));
    texts.push_back(normals({rows[i], 24}));
    levels.push_back(normals({1}).abs() * 300);
  }
  return {{at::cat(inputs), at::cat(positions), at::cat(levels), at::cat(texts)}, {tokens, rows}};
}

const std::vector<PatchGrid> kGrids{{2, 3, 4}, {1, 5, 2}, {4, 1, 1}};

TEST(Wan, GivesASampleTheSameInAnyPack) {
  const SmallWan wan;
  const Pack together = pack_of(kGrids, {3, 9, 1});
  const at::Tensor output = wan.network.forward(together.input, together.layout);
  for (std::int64_t i = 0; i < 3; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const std::int64_t begin = together.layout.token_begins()[at], count = together.layout.token_counts()[at],
                       row = together.layout.text_begins()[at], rows = together.layout.text_counts()[at];
    const at::Tensor alone = wan.network.forward(
        {together.input.tokens.narrow(0, begin, count), together.input.positions.narrow(0, begin, count),
         together.input.noise_level.narrow(0, i, 1), together.input.text.narrow(0, row, rows)},
        {{count}, {rows}});
    EXPECT_LT(relative_error(output.narrow(0, begin, count), alone), 1e-5) << i;
  }
}

TEST(Wan, RecomputedGivesTheOutputAndEveryGradientOfTheOneThatKeepsEverything) {
  for (const RecomputePlan& plan : {RecomputePlan{true, false, {}}, RecomputePlan{false, true, {}},
                                    RecomputePlan{false, false, {2, 1}}}) {
    const SmallWan keeping, recomputing(small_wan(), plan);
    const Pack pack = pack_of(kGrids, {3, 9, 1});
    const at::Tensor expected = keeping.network.forward(pack.input, pack.layout);
    const at::Tensor ours = recomputing.network.forward(pack.input, pack.layout);
    EXPECT_TRUE(at::equal(ours, expected));
    expected.square().sum().backward();
    ours.square().sum().backward();
    for (const nn::Parameter& each : keeping.parameters.all()) {
      EXPECT_LT(relative_error(recomputing.parameters.find(each.name).value.grad(), each.value.grad()), 1e-5)
          << each.name;
    }
  }
}

TEST(Wan, InBfloat16IsNearFloat32) {
  const SmallWan exact;
  nn::ParameterList parameters;
  const Backbone rounded = wan_spec(small_wan()).build(parameters);
  parameters.materialize(at::kBFloat16);
  parameters.initialize(3);
  const Pack pack = pack_of(kGrids, {3, 9, 1});
  const at::Tensor output = rounded.forward(pack.input, pack.layout);
  EXPECT_EQ(output.scalar_type(), at::kBFloat16);
  EXPECT_LT(relative_error(output, exact.network.forward(pack.input, pack.layout)), 0.05);
}

TEST(WanShape, HeadsOfAnOddWidthAreRefusedWithTheirArithmetic) {
  Config config(all_keys());
  config.apply({{"model.hidden_size", "36", "test"}, {"model.num_attention_heads", "4", "test"}});
  const Error error = error_of([&] { wan_shape(config); });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_EQ(error.hint(), "32 or 40 would be");
}

}  // namespace
}  // namespace dfm::model
