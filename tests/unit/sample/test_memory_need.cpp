// Sizes that no memory holds are refused before any of it is taken, others are not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/memory_count.h"
#include "sample/memory_need.h"
#include "support/errors.h"
#include "support/temporary_folder.h"
#include "unit/sample/small_weights.h"
#include "unit/train/one_rank.h"

namespace dfm::sample {
namespace {

using dfm::testing::error_of;
using ::testing::HasSubstr;

class MemoryNeed : public ::testing::Test {
 protected:
  static SamplingModel model_in(const dfm::testing::TemporaryFolder& folder) {
    write_small_weights(folder / "weights.safetensors");
    return load_model(folder / "weights.safetensors", at::kFloat);
  }
  static SamplingSettings with_edge(std::int64_t pixels) {
    SamplingSettings settings = small_sampling(2);
    settings.width = settings.height = pixels;
    return settings;
  }

  dfm::testing::TemporaryFolder folder_;
  SamplingModel model_ = model_in(folder_);
  const WorkList list_ = numbered_list(folder_ / "out", 2);
};

TEST_F(MemoryNeed, IsLessThanWhatSamplingTakes) {
  const SamplingSettings settings = with_edge(256);
  const nn::MemoryCount count;
  sample_all({model_, encoders::open_encoders(model_.encoders, at::kCPU), list_, settings},
             dfm::testing::one_rank_groups().data_context, ProgressStyle::silent);
  const double least = least_bytes(model_, list_, settings);
  EXPECT_LT(least, static_cast<double>(count.peak()));
  EXPECT_GT(least, 0.1 * static_cast<double>(count.peak()));
}

TEST_F(MemoryNeed, IsThatOfTheSamplesThatThereAre) {
  SamplingSettings many = with_edge(64);
  many.batch_size = 1'000'000;
  EXPECT_EQ(least_bytes(model_, list_, many), least_bytes(model_, list_, with_edge(64)));
}

TEST_F(MemoryNeed, BeyondTheLimitIsAUsageErrorThatNamesTheSizeAndTheRemedy) {
  const std::uint64_t limit_bytes = 1U << 30U;
  EXPECT_NO_THROW(require_memory(model_, list_, with_edge(256), limit_bytes));
  for (const std::int64_t edge : {std::int64_t{1} << 20U, std::int64_t{1} << 62U}) {
    const Error error = error_of([&] { require_memory(model_, list_, with_edge(edge), limit_bytes); });
    EXPECT_EQ(error.kind(), ExitCode::usage);
    EXPECT_THAT(error.what(), HasSubstr(fmt::format("{0} x {0} pixels", edge)));
    EXPECT_THAT(error.hint(), HasSubstr("sample.batch_size"));
  }
}

}  // namespace
}  // namespace dfm::sample
