// Tokens of a latent (golden/derived.md B10), their positions, and the sizes of a model.
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/keys.h"
#include "core/error.h"
#include "model/dit_shape.h"
#include "model/patchify.h"
#include "support/tensors.h"

namespace dfm::model {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

PatchShape shape_with(std::int64_t channels, std::int64_t patch_temporal, std::int64_t patch_spatial) {
  return {channels, patch_spatial, patch_temporal};
}

TEST(Patchify, OrdersChannelsFastest) {
  const at::Tensor tokens = patchify(at::arange(32, at::kFloat).view({2, 1, 4, 4}), shape_with(2, 1, 2));
  const at::Tensor expected = at::tensor({0, 16, 1, 17, 4,  20, 5,  21, 2,  18, 3,  19, 6,  22, 7,  23,
                                          8, 24, 9, 25, 12, 28, 13, 29, 10, 26, 11, 27, 14, 30, 15, 31},
                                         at::kFloat);
  EXPECT_TRUE(at::equal(tokens, expected.view({4, 8})));
}

// Feature ((row in patch * ps + column in patch) * pt + frame in patch) * C + channel of the token of a
// patch.
TEST(Patchify, PutsEveryElementWhereTheFormulaSays) {
  std::mt19937 engine(testing::announced_seed());
  const auto draw = [&](int least, int most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(engine);
  };
  for (int round = 0; round < 20; ++round) {
    const PatchShape shape = shape_with(draw(1, 5), draw(1, 3), draw(1, 3));
    const std::int64_t ps = shape.spatial, pt = shape.temporal, channels = shape.in_channels;
    const PatchGrid grid{draw(1, 3), draw(1, 4), draw(1, 4)};
    const at::Tensor latent = at::rand({channels, grid.frames * pt, grid.rows * ps, grid.columns * ps});
    const at::Tensor tokens = patchify(latent, shape);
    ASSERT_EQ(tokens.sizes(), at::IntArrayRef({grid.tokens(), shape.features()}));
    for (int i = 0; i < 30; ++i) {
      const std::int64_t c = draw(0, static_cast<int>(channels) - 1),
                         t = draw(0, static_cast<int>(latent.size(1)) - 1),
                         y = draw(0, static_cast<int>(latent.size(2)) - 1),
                         x = draw(0, static_cast<int>(latent.size(3)) - 1);
      const std::int64_t token = ((t / pt) * grid.rows + y / ps) * grid.columns + x / ps;
      const std::int64_t feature = (((y % ps) * ps + x % ps) * pt + t % pt) * channels + c;
      EXPECT_EQ(tokens[token][feature].item<float>(), latent[c][t][y][x].item<float>());
    }
    EXPECT_TRUE(at::equal(unpatchify(tokens, grid, shape), latent));
  }
}

TEST(TokenPositions, RunOverColumnsFirst) {
  const at::Tensor positions = token_positions({2, 1, 3});
  const at::Tensor expected = at::tensor({0, 0, 0, 0, 0, 1, 0, 0, 2, 1, 0, 0, 1, 0, 1, 1, 0, 2}, at::kLong);
  EXPECT_TRUE(at::equal(positions, expected.view({6, 3})));
}

TEST(PatchGrid, RefusesLatentsThatDoNotDivide) {
  const PatchShape shape = shape_with(16, 2, 2);
  for (const Shape& latent : {Shape{16, 3, 4, 4}, Shape{16, 2, 5, 4}, Shape{16, 2, 4, 5}, Shape{15, 2, 4, 4},
                              Shape{2, 4, 4}, Shape{1, 16, 2, 4, 4}, Shape{}}) {
    try {
      patch_grid(latent, shape);
      FAIL() << to_text(latent);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ExitCode::data);
      EXPECT_THAT(error.what(), AllOf(HasSubstr(to_text(latent)), HasSubstr("16 channels x 2 x 2 x 2")));
    }
  }
}

TEST(PatchGrid, RefusesALatentWithoutElements) {
  EXPECT_THROW(patch_grid({16, 0, 4, 4}, shape_with(16, 1, 2)), Error);
}

TEST(PatchGrid, CountsTokensAsTheReference) {
  const PatchShape shape;  // golden/derived.md B2
  EXPECT_EQ(patch_grid({16, 1, 256, 512}, shape).tokens(), 32768);
  EXPECT_EQ(patch_grid({16, 10, 30, 52}, shape).tokens(), 3900);
  EXPECT_EQ(patch_grid({16, 1, 64, 64}, shape).tokens(), 1024);
}

DitShape shape_from(const Layer& layer) {
  Config config(all_keys());
  config.apply(layer);
  return dit_shape(config);
}

TEST(DitShape, ComesFromTheKeysOfTheModel) {
  const DitShape shape = shape_from({{"model.hidden_size", "96", "test"},
                                     {"model.num_attention_heads", "4", "test"},
                                     {"model.patch_temporal", "2", "test"},
                                     {"model.layernorm_epsilon", "1e-6", "test"}});
  EXPECT_EQ(shape.ffn_hidden_size, 4 * 96);  // where it is not given
  EXPECT_EQ(shape.head_width(), 24);
  EXPECT_EQ(shape.patches.features(), 16 * 2 * 2 * 2);
  EXPECT_EQ(shape.layernorm_epsilon, 1e-6);
}

TEST(DitShape, WidthThatDoesNotFitIsRefusedWithItsArithmetic) {
  try {
    shape_from({{"model.hidden_size", "100", "test"}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ExitCode::usage);
    EXPECT_THAT(error.what(), HasSubstr("model.hidden_size = 100 is not a multiple of 16"));
    EXPECT_THAT(error.hint(), HasSubstr("96 or 112"));
  }
}

TEST(DitShape, HeadsThatDoNotDivideAreRefusedWithTheirArithmetic) {
  try {
    shape_from({{"model.hidden_size", "384", "test"}, {"model.num_attention_heads", "7", "test"}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(),
                AllOf(HasSubstr("384 is not a multiple of 7"), HasSubstr("model.num_attention_heads")));
    EXPECT_THAT(error.hint(), HasSubstr("378 or 385"));
  }
}

}  // namespace
}  // namespace dfm::model
