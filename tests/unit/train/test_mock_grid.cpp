// The shape of made-up latents.
#include <gtest/gtest.h>

#include "config/keys.h"
#include "support/errors.h"
#include "train/mock_grid.h"

namespace dfm::train {
namespace {

Shape shape_of(const Layer& layer) {
  Config config(all_keys());
  config.apply(layer);
  return mock_latent_shape(config, {});
}

TEST(MockLatent, IsAsTheKeysSay) {
  EXPECT_EQ(shape_of({{"dataset.F_latents", "3", "test"}, {"dataset.W_latents", "8", "test"}}),
            (Shape{16, 3, 32, 8}));
}

TEST(MockLatent, OfANumberOfTokensIsASquarePictureWhereItFits) {
  EXPECT_EQ(shape_of({{"dataset.seq_length", "1024", "test"}}), (Shape{16, 1, 64, 64}));
  EXPECT_EQ(shape_of({{"dataset.seq_length", "21", "test"}}), (Shape{16, 1, 6, 14}));
}

TEST(MockLatent, OfMoreTokensThanAPictureHoldsIsAVideo) {
  EXPECT_EQ(shape_of({{"dataset.seq_length", "8192", "test"}}), (Shape{16, 8, 64, 64}));
}

TEST(MockLatent, OfTokensThatNoVideoHasIsRefusedWithTheLimits) {
  const Error error = dfm::testing::error_of([] {
    shape_of({{"dataset.seq_length", "1601", "test"}});  // a prime
  });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_NE(std::string(error.what()).find("34 frames of 40 x 40"), std::string::npos);
}

}  // namespace
}  // namespace dfm::train
