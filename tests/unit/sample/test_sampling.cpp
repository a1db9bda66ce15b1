// A work list on one rank: what is made, what is found again, and that a sample belongs to its number.
#include <gtest/gtest.h>

#include "support/temporary_folder.h"
#include "unit/sample/small_weights.h"
#include "unit/train/one_rank.h"

namespace dfm::sample {
namespace {

namespace fs = std::filesystem;
using dfm::testing::file_content;

class SampleAll : public ::testing::Test {
 protected:
  SampleAll() { write_small_weights(weights_); }

  SamplingReport run(const WorkList& list, const SamplingSettings& settings = small_sampling(2)) const {
    const SamplingModel model = load_model(weights_, at::kFloat);
    return sample_all({model, encoders::open_encoders(model.encoders, at::kCPU), list, settings},
                      dfm::testing::one_rank_groups().data_context, ProgressStyle::silent);
  }
  fs::path latent(const std::string& name) const { return out_ / "latents" / (name + ".safetensors"); }

  dfm::testing::TemporaryFolder folder_;
  const fs::path weights_ = folder_ / "weights.safetensors", out_ = folder_ / "out";
};

TEST_F(SampleAll, MakesALatentAndAPictureOfEveryItem) {
  const SamplingReport report = run(numbered_list(out_, 5));
  EXPECT_EQ(report.computed, 5);
  EXPECT_EQ(report.found, 0);
  for (const char* const name : {"0", "1", "2", "3", "4"}) {
    EXPECT_TRUE(fs::exists(latent(name)));
    EXPECT_TRUE(fs::exists(out_ / (std::string(name) + ".png")));
  }
}

TEST_F(SampleAll, ComputesOnlyTheBatchesThatAreNotThere) {
  run(numbered_list(out_, 5));
  const std::string first = file_content(latent("3")), picture = file_content(out_ / "3.png");
  fs::remove(latent("3"));
  fs::remove(out_ / "3.png");
  const SamplingReport again = run(numbered_list(out_, 5));
  EXPECT_EQ(again.computed, 2);  // a batch stays together
  EXPECT_EQ(again.found, 3);
  EXPECT_EQ(file_content(latent("3")), first);
  EXPECT_EQ(file_content(out_ / "3.png"), picture);
}

TEST_F(SampleAll, MakesAPictureAgainFromItsLatent) {
  run(numbered_list(out_, 2));
  const std::string picture = file_content(out_ / "1.png");
  fs::remove(out_ / "1.png");
  EXPECT_EQ(run(numbered_list(out_, 2)).computed, 0);
  EXPECT_EQ(file_content(out_ / "1.png"), picture);
}

TEST_F(SampleAll, ComputesAgainWhenAnythingThatDecidesThePixelsDiffers) {
  run(numbered_list(out_, 2));
  SamplingSettings settings = small_sampling(2);
  settings.generation.seed = 2;
  EXPECT_EQ(run(numbered_list(out_, 2), settings).computed, 2);
  settings.generation.guidance = 1;
  EXPECT_EQ(run(numbered_list(out_, 2), settings).computed, 2);
  settings.generation.sampler.steps = 3;
  EXPECT_EQ(run(numbered_list(out_, 2), settings).computed, 2);
  write_small_weights(weights_, 2);
  EXPECT_EQ(run(numbered_list(out_, 2), settings).computed, 2);
  EXPECT_EQ(run(numbered_list(out_, 2), settings).computed, 0);
}

TEST_F(SampleAll, GivesEqualPromptsPicturesOfTheirOwn) {
  WorkList list = numbered_list(out_, 2);
  list.items[1].prompt = list.items[0].prompt;
  run(list, small_sampling(1));
  EXPECT_NE(file_content(out_ / "0.png"), file_content(out_ / "1.png"));
}

TEST_F(SampleAll, GivesAnItemTheSamePictureAlone) {
  run(numbered_list(out_, 2), small_sampling(1));
  const std::string picture = file_content(out_ / "1.png");
  WorkList one = numbered_list(folder_ / "one", 2);
  one.items.erase(one.items.begin());
  run(one, small_sampling(1));
  EXPECT_EQ(file_content(folder_ / "one" / "1.png"), picture);
}

}  // namespace
}  // namespace dfm::sample
