// MovieGen: its parameters and its cost. The numbers themselves are compared with PyTorch in tests/interop.
#include <gtest/gtest.h>

#include "config/keys.h"
#include "config/layers.h"
#include "model/moviegen.h"
#include "support/errors.h"

namespace dfm::model {
namespace {

using dfm::testing::error_of;

MovieGenShape shape_of_recipe(const std::string& name, const Layer& overrides = {}) {
  Config config(all_keys());
  for (const Layer& layer : read_recipe(name)) config.apply(layer);
  config.apply(overrides);
  return moviegen_shape(config);
}

nn::ParameterList parameters_of(const MovieGenShape& shape) {
  nn::ParameterList parameters;
  moviegen_spec(shape).build(parameters);
  EXPECT_FALSE(parameters.buffer().defined());
  return parameters;
}

std::int64_t count_of(const std::string& recipe) {
  return parameters_of(shape_of_recipe(recipe)).total_count();
}

// spec/nemo_diffusion.md section 1.9.
TEST(MovieGenParameters, OfAllSizesAreAsManyAsInTheReference) {
  EXPECT_EQ(count_of("moviegen_1b"), 1'586'635'328);
  EXPECT_EQ(count_of("moviegen_3b"), 5'129'290'304);
  EXPECT_EQ(count_of("moviegen_5b"), 5'859'111'488);
  EXPECT_EQ(count_of("moviegen_30b"), 33'901'863'488);
}

// The two buckets that the users' documents print.
TEST(MovieGenParameters, OfTheUsersMockRunAreThoseOfTheirLog) {
  const nn::ParameterList parameters = parameters_of(shape_of_recipe(
      "train_mock", {{"model.num_layers", "1", "test"}, {"model.hidden_size", "1024", "test"}}));
  std::int64_t of_layers = 0;
  for (const nn::Parameter& each : parameters.all()) {
    if (each.name.starts_with("decoder.layers.")) of_layers += each.count();
  }
  EXPECT_EQ(of_layers, 38'339'584);
  EXPECT_EQ(parameters.total_count() - of_layers, 2'610'752);
}

// spec/nemo_diffusion.md section 8: FLOP a token, three passes, 8192 tokens with 512 rows of text.
TEST(MovieGenFlops, AreThoseOfTheReferencesTable) {
  const auto of_a_token = [](const char* recipe) {
    return 3 * moviegen_spec(shape_of_recipe(recipe)).forward_flops({8192}, 512) / 8192;
  };
  EXPECT_NEAR(of_a_token("moviegen_5b"), 33.3e9, 0.05e9);
  EXPECT_NEAR(of_a_token("moviegen_30b"), 165.1e9, 0.05e9);
}

TEST(MovieGenShape, GroupsThatDoNotDivideTheHeadsAreRefusedWithTheirArithmetic) {
  const Error error = error_of([] {
    shape_of_recipe("moviegen_5b", {{"model.num_query_groups", "7", "test"}});
  });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_EQ(error.hint(), "21 or 28 would be");
}

}  // namespace
}  // namespace dfm::model
