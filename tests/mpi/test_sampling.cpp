// Sampling with any number of ranks makes the same files.
#include <map>

#include <gtest/gtest.h>

#include "mpi/one_rank_alone.h"
#include "mpi/shared_folder.h"
#include "support/temporary_folder.h"
#include "unit/sample/small_weights.h"

namespace dfm::sample {
namespace {

namespace fs = std::filesystem;

std::map<std::string, std::string> files_below(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    files[entry.path().lexically_relative(folder).native()] = dfm::testing::file_content(entry.path());
  }
  return files;
}

class SamplingTogether : public ::testing::Test {
 protected:
  void SetUp() override {
    if (world_.rank() == 0) write_small_weights(weights_);
    world_.barrier();
    model_ = load_model(weights_, at::kFloat);
  }
  SamplingReport run(const fs::path& out, const comm::Group& group) const {
    return sample_all({model_, encoders::open_encoders(model_.encoders, at::kCPU), numbered_list(out, 11),
                       small_sampling(2)},
                      group, ProgressStyle::silent);
  }

  const comm::Group world_ = comm::Group::world();
  const dfm::testing::Alone alone_{world_};
  const dfm::testing::SharedFolder folder_{world_};
  const fs::path weights_ = folder_ / "weights.safetensors", out_ = folder_ / "out";
  SamplingModel model_;
};

TEST_F(SamplingTogether, MakesTheFilesOfOneRank) {
  const SamplingReport report = run(out_, world_);
  EXPECT_EQ(report.computed, 11);
  const fs::path own = folder_ / ("alone_" + std::to_string(world_.rank()));
  EXPECT_EQ(run(own, alone_.group()).computed, 11);
  const auto files = files_below(out_);
  EXPECT_EQ(files.size(), 22U);
  EXPECT_EQ(files, files_below(own));
}

TEST_F(SamplingTogether, FindsWhatAnotherNumberOfRanksMade) {
  if (world_.rank() == 0) run(out_, alone_.group());
  world_.barrier();
  const SamplingReport report = run(out_, world_);
  EXPECT_EQ(report.computed, 0);
  EXPECT_EQ(report.found, 11);
}

}  // namespace
}  // namespace dfm::sample
