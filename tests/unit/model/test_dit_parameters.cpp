// Names, shapes, starting values and counts of the parameters: spec/dfm.md sections 1.2 and 1.6,
// golden/derived.md B1. Nothing is allocated: a ParameterList that is not materialized knows them all.
#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "config/keys.h"
#include "config/layers.h"
#include "model/dit.h"

namespace dfm::model {
namespace {

using Kind = nn::Init::Kind;

DitShape shape_of_recipe(const std::string& name) {
  Config config(all_keys());
  for (const Layer& layer : read_recipe(name)) config.apply(layer);
  return dit_shape(config);
}

std::int64_t parameters_of(const DitShape& shape) {
  nn::ParameterList parameters;
  const Dit dit(shape, parameters);
  EXPECT_FALSE(parameters.buffer().defined());
  return parameters.total_count();
}

TEST(DitParameters, OfTheFourSizesAreAsManyAsInTheReference) {
  EXPECT_EQ(parameters_of(shape_of_recipe("dit_s")), 46'486'592);
  EXPECT_EQ(parameters_of(shape_of_recipe("dit_b")), 142'973'504);
  EXPECT_EQ(parameters_of(shape_of_recipe("dit_l")), 467'937'856);
  EXPECT_EQ(parameters_of(shape_of_recipe("dit_xl")), 671'806'400);
}

TEST(DitParameters, OfALayerAreAsManyAsInTheReference) {
  const auto layer = [](const std::string& recipe) {
    DitShape one = shape_of_recipe(recipe), two = one;
    one.num_layers = 1;
    two.num_layers = 2;
    return parameters_of(two) - parameters_of(one);
  };
  EXPECT_EQ(layer("dit_s"), 3'834'112);
  EXPECT_EQ(layer("dit_b"), 11'796'736);
  EXPECT_EQ(layer("dit_l"), 19'398'912);
  EXPECT_EQ(layer("dit_xl"), 23'888'160);
}

TEST(DitParameters, OfTheDefaultShapeAreThoseOfDitS) { EXPECT_EQ(parameters_of(DitShape()), 46'486'592); }

struct Expected {
  Shape shape;
  Kind kind;
  double scale;
};

using Table = std::map<std::string, Expected>;

void add_linear(Table& table, const std::string& name, std::int64_t outputs, std::int64_t inputs) {
  const double bound = 1 / std::sqrt(static_cast<double>(inputs));
  table[name + ".weight"] = {{outputs, inputs}, Kind::uniform, bound};
  table[name + ".bias"] = {{outputs}, Kind::uniform, bound};
}

void add_layer(Table& table, const std::string& prefix, std::int64_t h, std::int64_t d, double output_std) {
  const auto normal = [&](const char* name, std::int64_t outputs, std::int64_t inputs, double deviation) {
    table[prefix + name] = {{outputs, inputs}, Kind::normal, deviation};
  };
  normal("full_self_attention.linear_qkv.weight", 3 * h, h, 0.02);
  normal("full_self_attention.linear_proj.weight", h, h, output_std);
  normal("cross_attention.linear_q.weight", h, h, 0.02);
  normal("cross_attention.linear_kv.weight", 2 * h, 1024, 0.02);
  normal("cross_attention.linear_proj.weight", h, h, output_std);
  normal("mlp.linear_fc1.weight", 4 * h, h, 0.02);
  normal("mlp.linear_fc2.weight", h, 4 * h, output_std);
  for (const char* const attention : {"full_self_attention", "cross_attention"}) {
    for (const char* const norm : {".q_layernorm.weight", ".k_layernorm.weight"}) {
      table[prefix + attention + norm] = {{d}, Kind::ones, 0};
    }
  }
  table[prefix + "adaLN.adaLN_modulation.1.weight"] = {
      {256, h}, Kind::uniform, 1 / std::sqrt(static_cast<double>(h))};
  table[prefix + "adaLN.adaLN_modulation.2.weight"] = {{9 * h, 256}, Kind::zeros, 0};
}

Table table_of(std::int64_t h, std::int64_t d, std::int64_t layers) {
  Table table;
  add_linear(table, "x_embedder", h, 64);
  add_linear(table, "t_embedder.1.linear_1", h, h);
  add_linear(table, "t_embedder.1.linear_2", h, h);
  add_linear(table, "fps_embedder.1.linear_1", 256, 256);
  add_linear(table, "fps_embedder.1.linear_2", 256, 256);
  add_linear(table, "final_layer_linear", 64, h);
  table["affline_norm.weight"] = {{h}, Kind::ones, 0};
  for (std::int64_t i = 0; i < layers; ++i) {
    add_layer(table, "decoder.layers." + std::to_string(i) + ".", h, d, 0.02 / std::sqrt(2.0 * layers));
  }
  return table;
}

TEST(DitParameters, HaveTheNamesShapesAndStartsOfTheReference) {
  const DitShape shape = shape_of_recipe("dit_xl");
  nn::ParameterList parameters;
  const Dit dit(shape, parameters);
  const Table table = table_of(1152, 72, 28);
  EXPECT_EQ(parameters.all().size(), table.size());
  for (const nn::Parameter& parameter : parameters.all()) {
    const auto expected = table.find(parameter.name);
    ASSERT_NE(expected, table.end()) << parameter.name;
    EXPECT_EQ(parameter.placement.global_shape, expected->second.shape) << parameter.name;
    EXPECT_EQ(parameter.init.kind, expected->second.kind) << parameter.name;
    EXPECT_NEAR(parameter.init.scale, expected->second.scale, 1e-12) << parameter.name;
  }
}

TEST(DitParameters, OfTheOutputLayerStartAtZeroWhereAskedFor) {
  DitShape shape;
  shape.zero_init_output = true;
  nn::ParameterList parameters;
  const Dit dit(shape, parameters);
  EXPECT_EQ(parameters.find("final_layer_linear.weight").init.kind, Kind::zeros);
  EXPECT_EQ(parameters.find("final_layer_linear.bias").init.kind, Kind::zeros);
}

// spec/nemo_diffusion.md section 8: 292.5 TFLOP for the three passes of a training step.
TEST(DitFlops, OfDit7BAreThoseOfTheReferencesTable) {
  const BackboneSpec spec = dit_spec(shape_of_recipe("dit_7b"));
  EXPECT_NEAR(3 * spec.forward_flops({8192}, 512), 292.5e12, 1e-3 * 292.5e12);
}

TEST(DitSpec, SaysWhatItIsBeforeAnythingIsAllocated) {
  const BackboneSpec spec = dit_spec(shape_of_recipe("dit_xl"));
  EXPECT_EQ(spec.title, "DiT, 28 layers, width 1152, 16 heads");
  EXPECT_EQ(spec.text_width, 1024);
  EXPECT_EQ(spec.patches.features(), 64);
}

}  // namespace
}  // namespace dfm::model
