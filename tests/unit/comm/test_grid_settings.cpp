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

TEST(GridSettings, DimensionsThatAreNotOfferedAreRefusedByName) {
  for (const char* const name : {"pipeline", "expert"}) {
    Config config(all_keys());
    config.apply({{fmt::format("model.{}_model_parallel_size", name), "2", "test"}});
    const Error error = testing::error_of([&] { grid_shape(config); });
    EXPECT_EQ(error.kind(), ExitCode::usage);
    EXPECT_THAT(error.what(), HasSubstr(fmt::format("{} 2", name)));
  }
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
