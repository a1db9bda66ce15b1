#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/grid_settings.h"
#include "config/keys.h"
#include "support/errors.h"

namespace dfm::comm {
namespace {

using ::testing::HasSubstr;

TEST(GridSettings, TheDefaultIsDataParallelismAlone) {
  const GridShape shape = grid_shape(Config(all_keys()));
  EXPECT_EQ(shape.tensor * shape.context * shape.pipeline * shape.expert, 1);
}

TEST(GridSettings, EachDimensionHasItsKey) {
  Config config(all_keys());
  config.apply({{"model.tensor_model_parallel_size", "2", "test"},
                {"model.context_parallel_size", "3", "test"},
                {"model.pipeline_model_parallel_size", "5", "test"},
                {"model.expert_model_parallel_size", "7", "test"}});
  const GridShape shape = grid_shape(config);
  EXPECT_EQ(shape.tensor, 2);
  EXPECT_EQ(shape.context, 3);
  EXPECT_EQ(shape.pipeline, 5);
  EXPECT_EQ(shape.expert, 7);
}

TEST(GridSettings, ChunksOfLayersAreOfSeveralPipelineRanks) {
  Config config(all_keys());
  config.apply({{"model.virtual_pipeline_model_parallel_size", "2", "test"}});
  EXPECT_THAT(testing::error_of([&] { grid_shape(config); }).what(), HasSubstr("with one pipeline rank"));
  config.apply({{"model.pipeline_model_parallel_size", "3", "test"}});
  EXPECT_EQ(grid_shape(config).pipeline, 3);
  EXPECT_EQ(grid_shape(config).pipeline_chunks, 2);
}

TEST(GridSettings, TensorRanksShareTheTokensAlways) {
  Config config(all_keys());
  config.apply({{"model.tensor_model_parallel_size", "2", "test"}});
  EXPECT_EQ(grid_shape(config).tensor, 2);
  config.apply({{"model.sequence_parallel", "false", "test"}});
  EXPECT_THAT(testing::error_of([&] { grid_shape(config); }).what(),
              HasSubstr("model.sequence_parallel = false"));
}

TEST(GridSettings, ASizeBeyondEveryMachineIsRefused) {
  Config config(all_keys());
  EXPECT_EQ(testing::error_of([&] {
              config.apply({{"model.tensor_model_parallel_size", "4294967297", "test"}});  // 1 in 32 bits
            }).kind(),
            ExitCode::usage);
}

}  // namespace
}  // namespace dfm::comm
