// ST-DiT: its parameters and its cost. The numbers themselves are compared with PyTorch in tests/interop.
#include <gtest/gtest.h>

#include "model/stdit.h"
#include "unit/model/recipe_shapes.h"

namespace dfm::model {
namespace {

// Four attentions, an MLP, and a modulation of five branches of shift, scale and gate.
TEST(StDitParameters, OfALayerAreThoseOfItsFigure) {
  const nn::ParameterList parameters =
      declared(backbone_spec(config_of_recipe("stdit_xl", {{"model.num_layers", "1", "test"}})));
  std::int64_t of_layer = 0;
  for (const nn::Parameter& each : parameters.all()) {
    if (each.name.starts_with("decoder.layers.0.")) of_layer += each.count();
  }
  const std::int64_t h = 1536, d = 128, c = 1024, rank = 256;
  EXPECT_EQ(of_layer, (3 * 4 + 2 + 8) * h * h + 2 * c * h + rank * h + 15 * h * rank + 8 * d);
  EXPECT_EQ(parameters.find("decoder.layers.0.temporal_self_attention.linear_qkv.weight").count(), 3 * h * h);
}

TEST(StDitParameters, OfTheThreeSizesGrow) {
  EXPECT_LT(parameters_of_recipe("stdit_v3_xl"), parameters_of_recipe("stdit_xl"));
  EXPECT_LT(parameters_of_recipe("stdit_xl"), parameters_of_recipe("stdit_3b"));
}

TEST(StDitFlops, AreTheProductsOfItsWeightsAndFourAttentions) {
  const BackboneSpec spec = backbone_spec(config_of_recipe("stdit_v3_xl"));
  const double tokens = 6 * 40,
               pairs = tokens * (tokens + 11 + 6 + 40);  // 6 frames of 40 places, 11 rows of text
  const double attention = 28 * 2 * 2 * 1152 * pairs;
  const double products = product_flops(declared(spec), 6 * 40, 11);
  EXPECT_NEAR(spec.forward_flops({6 * 40, 6}, 11), products + attention, 1e-9 * products);
}

TEST(StDitSpec, SaysWhatItIs) {
  EXPECT_EQ(backbone_spec(config_of_recipe("stdit_3b")).title, "ST-DiT, 24 layers, width 2048, 16 heads");
}

}  // namespace
}  // namespace dfm::model
