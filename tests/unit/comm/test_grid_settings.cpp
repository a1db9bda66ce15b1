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

TEST(GridSettings, EachOtherDimensionIsRefusedByName) {
  for (const char* const name : {"tensor", "context", "pipeline", "expert"}) {
    Config config(all_keys());
    const std::string kind = name == std::string("context") ? "parallel_size" : "model_parallel_size";
    config.apply({{fmt::format("model.{}_{}", name, kind), "2", "test"}});
    const Error error = testing::error_of([&] { grid_shape(config); });
    EXPECT_EQ(error.kind(), ExitCode::usage);
    EXPECT_THAT(error.what(), HasSubstr(fmt::format("{} 2", name)));
  }
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
