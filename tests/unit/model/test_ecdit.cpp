// EC-DiT: its parameters and its cost. The numbers themselves are compared with PyTorch in tests/interop.
#include <gtest/gtest.h>

#include "unit/model/recipe_shapes.h"

namespace dfm::model {
namespace {

// spec/nemo_diffusion.md section 1.9.
TEST(EcDitParameters, AreAsManyAsInTheReference) {
  EXPECT_EQ(parameters_of_recipe("ecdit_1b"), 7'225'877'056);
  EXPECT_EQ(declared(backbone_spec(config_of_recipe("ecdit_1b", {{"model.num_layers", "1", "test"}})))
                .total_count(),
            451'020'800 + 9'544'256);
}

// Eight experts of width 1024 take a token: with the router, a dense MLP of 8192.
TEST(EcDitFlops, AreThoseOfTheDenseModelAndTheRouter) {
  const auto flops = [](const char* recipe) {
    return backbone_spec(config_of_recipe(recipe)).forward_flops({8192}, 512);
  };
  EXPECT_NEAR(flops("ecdit_1b"), flops("moviegen_1b") + 16 * 2.0 * 8192 * 64 * 2048,
              1e-9 * flops("ecdit_1b"));
}

TEST(EcDitSpec, SaysHowManyExpertsThereAre) {
  EXPECT_EQ(backbone_spec(config_of_recipe("ecdit_1b")).title,
            "EC-DiT, 16 layers, width 2048, 32 heads in 8 groups, 64 experts");
}

}  // namespace
}  // namespace dfm::model
