// The optimizer's state on its way into a checkpoint and out of it.
#include <gtest/gtest.h>

#include "core/error.h"
#include "support/temporary_folder.h"
#include "train/adam.h"
#include "unit/train/odd_parameters.h"
#include "unit/train/one_rank.h"

namespace dfm::train {
namespace {

using dfm::testing::Normals;
using dfm::testing::one_rank_groups;

// Parameters with their optimizer, on one rank.
struct Optimized {
  nn::ParameterList parameters;
  ShardLayout layout;
  Gradients gradients;
  ShardedAdam adam;

  Optimized(at::ScalarType dtype, const AdamSettings& settings, std::int64_t bucket_elements)
      : parameters(odd_parameters(dtype)),
        layout(parameters, 0, 1, bucket_elements),
        gradients(parameters, layout, one_rank_groups()),
        adam(parameters, layout, one_rank_groups(), settings) {}

  void update(const std::vector<at::Tensor>& values, std::int64_t step) {
    set_gradients(parameters, values);
    gradients.reduce();
    adam.update(gradients, step, 0.01, 1);
    gradients.clear();
  }
};

class AdamState : public ::testing::TestWithParam<at::ScalarType> {
 protected:
  std::filesystem::path saved(const Optimized& from) const {
    const std::filesystem::path path = folder_ / "rank_00000.h5";
    ckpt::write_pieces(path, from.adam.pieces());
    return path;
  }

  Normals normals_;
  dfm::testing::TemporaryFolder folder_;
};

TEST_P(AdamState, GoesOnFromACheckpointWithTheSameBits) {
  const AdamSettings settings{.ema_decay = 0.9};
  Optimized original(GetParam(), settings, 100);
  original.adam.initialize(8);
  for (std::int64_t step = 1; step <= 3; ++step) original.update(random_gradients(normals_), step);

  Optimized restored(GetParam(), settings, 300);
  ckpt::PieceReader reader({saved(original)});
  restored.adam.load_owned(reader);
  restored.adam.publish();
  EXPECT_TRUE(at::equal(restored.parameters.buffer(), original.parameters.buffer()));

  const auto gradients = random_gradients(normals_);
  original.update(gradients, 4);
  restored.update(gradients, 4);
  for (const char* const kind : {"weights", "exp_avg", "exp_avg_sq", "ema"}) {
    for (const nn::Parameter& parameter : original.parameters.all()) {
      EXPECT_TRUE(at::equal(from_pieces(restored.adam.pieces(), kind, parameter.name),
                            from_pieces(original.adam.pieces(), kind, parameter.name)))
          << kind << " of " << parameter.name;
    }
  }
}

TEST_P(AdamState, OfARunWithoutMovingAverageCannotGiveOne) {
  Optimized original(GetParam(), {}, 100);
  original.adam.initialize(8);
  Optimized restored(GetParam(), {.ema_decay = 0.9}, 100);
  ckpt::PieceReader reader({saved(original)});
  EXPECT_THROW(restored.adam.load_owned(reader), Error);
}

TEST_P(AdamState, OfARunWithoutMovingAverageBeginsItWithTheWeightsWhenTold) {
  Optimized original(GetParam(), {}, 100);
  original.adam.initialize(8);
  original.update(random_gradients(normals_), 1);
  Optimized restored(GetParam(), {.ema_decay = 0.9}, 300);
  ckpt::PieceReader reader({saved(original)});
  restored.adam.load_owned_without_average(reader);
  for (const nn::Parameter& parameter : original.parameters.all()) {
    EXPECT_TRUE(at::equal(from_pieces(restored.adam.pieces(), "ema", parameter.name),
                          from_pieces(original.adam.pieces(), "weights", parameter.name)))
        << parameter.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Of, AdamState, ::testing::Values(at::kFloat, at::kBFloat16),
                         [](const auto& dtype) { return std::string(at::toString(dtype.param)); });

}  // namespace
}  // namespace dfm::train
