// Steps of images and of short and long videos, by the FLOPs of a model: how far ranks and steps are from
// even.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

#include "config/keys.h"
#include "config/layers.h"
#include "model/patchify.h"
#include "support/seed.h"
#include "train/setup.h"
#include "unit/train/one_rank.h"

namespace dfm::train {
namespace {

constexpr std::int64_t kSamples = 65536;  // two windows
constexpr double kThreePercent = 0.03;

// One half images of 256 tokens; the other half videos of 8,192 to 73,728 tokens, as often between 8k and 16k
// as between 16k and 32k.
data::SampleSource mixed_source() {
  std::mt19937 random(dfm::testing::announced_seed());
  std::uniform_real_distribution<double> octaves(0, std::log2(9));
  std::vector<data::SampleShape> shapes;
  for (std::int64_t i = 0; i < kSamples; ++i) {
    const bool is_image = random() % 2 == 0;
    shapes.push_back(
        {16, is_image ? 1 : static_cast<std::uint32_t>(32 * std::exp2(octaves(random))), 32, 32, 512});
  }
  data::SampleSource source;
  source.samples_in_shard = {kSamples};
  source.shape = [shapes = std::move(shapes)](std::int64_t i) { return shapes[static_cast<std::size_t>(i)]; };
  return source;
}

// FLOPs of each rank in each step.
using Loads = std::vector<std::vector<double>>;

Loads loads_of(const data::SampleSource& source, const data::StepReaderSettings& settings,
               std::size_t ranks) {
  std::vector<data::StepReader> readers;
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    data::StepReaderSettings of_rank = settings;
    of_rank.rank = rank;
    of_rank.ranks = ranks;
    readers.emplace_back(source, of_rank);
  }
  Loads loads;
  for (std::int64_t first = 0; first < kSamples; first += settings.global_batch_size) {
    loads.emplace_back(ranks, 0.0);
    for (std::size_t rank = 0; rank < ranks; ++rank) {
      for (const auto& planned : readers[rank].plan(first).samples)
        loads.back()[rank] += settings.cost_of(source.shape(planned.number));
    }
  }
  return loads;
}

double sum(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

// What the greatest has more than the mean.
double excess(const std::vector<double>& values) {
  return std::ranges::max(values) * static_cast<double>(values.size()) / sum(values) - 1;
}

data::StepReaderSettings settings_with(const std::string& recipe) {
  Config config(all_keys());
  for (const Layer& layer : read_recipe(recipe)) config.apply(layer);
  data::StepReaderSettings settings =
      reader_settings(config, model::backbone_spec(config), dfm::testing::one_rank_groups().data_context);
  settings.global_batch_size = 128;
  settings.pack_capacity = 73728;
  return settings;
}

class Balance : public ::testing::TestWithParam<const char*> {};

TEST_P(Balance, OfImagesAndLongVideosLeavesRanksAndStepsWithinThreePercent) {
  const data::SampleSource source = mixed_source();
  const Loads loads = loads_of(source, settings_with(GetParam()), 8);
  std::vector<double> steps;
  double waited_for = 0;
  for (const auto& step : loads) {
    EXPECT_LT(excess(step), kThreePercent);
    waited_for += std::ranges::max(step) * static_cast<double>(step.size());
    steps.push_back(sum(step));
  }
  EXPECT_LT(excess(steps), kThreePercent);
  RecordProperty("ranks", std::to_string(waited_for / sum(steps) - 1));
  RecordProperty("steps", std::to_string(excess(steps)));
}

INSTANTIATE_TEST_SUITE_P(Models, Balance, ::testing::Values("moviegen_5b", "dit_7b", "wan_1_3b"));

}  // namespace
}  // namespace dfm::train
