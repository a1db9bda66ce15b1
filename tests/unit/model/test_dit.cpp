// The network as a whole: against an independent reading of the specification for several shapes, a pack
// against its samples, and what must hold at initialisation.
#include <gtest/gtest.h>

#include "core/error.h"
#include "diffusion/edm.h"
#include "model/dit.h"
#include "unit/model/small_dit.h"

namespace dfm::model {
namespace {

using dfm::testing::Normals;
using dfm::testing::relative_error;

// Grids and texts of awkward sizes.
std::vector<NetworkInput> awkward_samples(const DitShape& shape, Normals& normals) {
  return {network_input({3, 4, 5}, 13, shape, normals), network_input({1, 7, 3}, 1, shape, normals),
          network_input({1, 1, 1}, 4, shape, normals), network_input({2, 2, 11}, 5, shape, normals)};
}

struct Shapes {
  const char* name;
  std::int64_t hidden, heads, patch_temporal;
};

class DitOfShape : public ::testing::TestWithParam<Shapes> {
 protected:
  static DitShape shape() {
    DitShape shape = small_shape(GetParam().hidden, GetParam().heads);
    shape.patches.temporal = GetParam().patch_temporal;
    return shape;
  }
  Normals normals_;
  const SmallDit model_{shape()};
};

TEST_P(DitOfShape, AgreesWithAPlainReadingOfTheSpecification) {
  const auto samples = awkward_samples(shape(), normals_);
  const PlainDit plain(shape(), model_.parameters);
  const PackedInput pack = packed(samples);
  const at::Tensor g = normals_({pack.layout.tokens(), shape().patches.features()});
  const at::Tensor ours = model_.dit.forward(pack.input, pack.layout);
  std::vector<at::Tensor> rows;
  for (const NetworkInput& sample : samples) rows.push_back(plain.forward(sample));
  const at::Tensor expected = at::cat(rows);
  EXPECT_LT(relative_error(ours, expected), 1e-5);
  ours.backward(g);
  expected.backward(g.to(at::kDouble));
  for (const nn::Parameter& parameter : model_.parameters.all()) {
    if (parameter.name == "affline_norm.weight") continue;
    EXPECT_LT(relative_error(parameter.value.grad(), plain.weight(parameter.name).grad()), 2e-5)
        << parameter.name;
  }
}

TEST_P(DitOfShape, GivesEachSampleOfAPackWhatItGetsAlone) {
  const auto samples = awkward_samples(shape(), normals_);
  const PackedInput pack = packed(samples);
  const at::Tensor together = model_.dit.forward(pack.input, pack.layout);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const PackedInput alone = packed({samples[i]});
    const at::Tensor mine = together.narrow(0, pack.layout.token_begins()[i], pack.layout.token_counts()[i]);
    EXPECT_LT(relative_error(mine, model_.dit.forward(alone.input, alone.layout)), 1e-5) << "sample " << i;
  }
}

TEST_P(DitOfShape, GivesAPackTheSumOfTheGradientsOfItsSamples) {
  const auto samples = awkward_samples(shape(), normals_);
  const PackedInput pack = packed(samples);
  model_.dit.forward(pack.input, pack.layout).square().sum().backward();
  std::vector<at::Tensor> together;
  for (const auto& parameter : model_.parameters.all()) {
    together.push_back(parameter.value.grad());
    parameter.value.mutable_grad().reset();
  }
  for (const NetworkInput& sample : samples) {
    const PackedInput alone = packed({sample});
    model_.dit.forward(alone.input, alone.layout).square().sum().backward();
  }
  for (std::size_t i = 0; i < together.size(); ++i) {
    if (!together[i].defined()) continue;
    const nn::Parameter& parameter = model_.parameters.all()[i];
    EXPECT_LT(relative_error(together[i], parameter.value.grad()), 2e-5) << parameter.name;
  }
}

TEST_P(DitOfShape, InBfloat16FollowsFloat32) {
  const SmallDit rounded(shape(), Normals(7), at::kBFloat16);
  const auto samples = awkward_samples(shape(), normals_);
  const PackedInput pack = packed(samples);
  const at::Tensor ours = rounded.dit.forward(pack.input, pack.layout);
  EXPECT_EQ(ours.scalar_type(), at::kBFloat16);
  EXPECT_LT(relative_error(ours, model_.dit.forward(pack.input, pack.layout)), 0.03);
}

INSTANTIATE_TEST_SUITE_P(HeadWidths, DitOfShape,
                         ::testing::Values(Shapes{"72", 144, 2, 1}, Shapes{"40", 80, 2, 1},
                                           Shapes{"WiderThanTheFrameRate", 288, 4, 1},
                                           Shapes{"TwoFramesAPatch", 64, 4, 2}),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

// EDM loss of mock latents at initialisation, for a model whose output layer starts at zero.
double initial_loss(double sigma, Normals& normals) {
  DitShape shape = small_shape(32, 2);
  shape.zero_init_output = true;
  nn::ParameterList parameters;
  const Dit dit(shape, parameters);
  parameters.materialize(at::kFloat);
  parameters.initialize(1);
  const PatchGrid grid{20, 40, 40};
  const at::Tensor positions = token_positions(grid);
  const nn::PackLayout layout({grid.tokens()}, {1});
  const diffusion::Network network = [&](const at::Tensor& tokens, const at::Tensor& c_noise) {
    // Tokens do not see each other in blocks that are the identity: one frame at a time is the same and
    // small.
    std::vector<at::Tensor> frames;
    const nn::PackLayout frame_layout({1600}, {1});
    for (std::int64_t i = 0; i < 20; ++i) {
      frames.push_back(dit.forward({tokens.narrow(0, 1600 * i, 1600), positions.narrow(0, 1600 * i, 1600),
                                    c_noise, at::zeros({1, shape.crossattn_emb_size})},
                                   frame_layout));
    }
    return at::cat(frames);
  };
  const at::NoGradGuard no_gradients;
  const at::Tensor latent = normals({grid.tokens(), shape.patches.features()});
  const at::Tensor noise = normals({grid.tokens(), shape.patches.features()});
  return diffusion::token_losses(network, latent, noise, at::tensor({static_cast<float>(sigma)}), 0.5, layout)
      .mean()
      .item<double>();
}

// golden/derived.md B3: the expected loss of a zero network is 1 at every noise level.
TEST(DitAtInitialisation, HasALossOfOneAtEveryNoiseLevel) {
  Normals normals;
  for (const double sigma : {0.002, 0.1, 0.5, 1.0, 10.0, 80.0}) {
    EXPECT_NEAR(initial_loss(sigma, normals), 1.0, 0.02) << "sigma " << sigma;
  }
}

TEST(DitAtInitialisation, HasBlocksThatAreTheIdentity) {
  Normals normals;
  const DitShape shape = small_shape(64, 4);
  nn::ParameterList parameters;
  const Dit dit(shape, parameters);
  parameters.materialize(at::kFloat);
  parameters.initialize(1);
  const PackedInput pack = packed(awkward_samples(shape, normals));
  const nn::PositionTable table(34, 40, 40, 64);
  const auto value = [&](const char* name) { return parameters.find(name).value; };
  const at::Tensor embedded =
      at::linear(pack.input.tokens, value("x_embedder.weight"), value("x_embedder.bias")) +
      table.rows_for(pack.input.positions);
  const at::Tensor expected =
      at::linear(embedded, value("final_layer_linear.weight"), value("final_layer_linear.bias"));
  EXPECT_TRUE(at::equal(dit.forward(pack.input, pack.layout), expected));
}

TEST(DitPositions, OutsideTheTableAreAUsageError) {
  Normals normals;
  DitShape shape = small_shape(32, 2);
  shape.max_img_w = 20;
  const SmallDit model(shape);
  const PackedInput pack = packed({network_input({1, 2, 11}, 1, shape, normals)});
  EXPECT_THROW(model.dit.forward(pack.input, pack.layout), Error);
}

}  // namespace
}  // namespace dfm::model
