// A latent on disk is taken only for what it was made from.
#include <gtest/gtest.h>

#include "sample/latent_file.h"
#include "support/temporary_folder.h"

namespace dfm::sample {
namespace {

class LatentFile : public ::testing::Test {
 protected:
  LatentFile() { write_latent(path_, latent_, "a prompt", "a recipe"); }

  dfm::testing::TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_ / "0.safetensors";
  const Array latent_ = from_floats(std::vector<float>{1, -2, 0.5F, 3}, {2, 1, 1, 2}, DType::float32);
};

TEST_F(LatentFile, GivesBackWhatWasWritten) {
  const auto read = read_latent(path_, "a prompt", "a recipe");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->shape, latent_.shape);
  EXPECT_EQ(read->bytes, latent_.bytes);
}

TEST_F(LatentFile, OfAnotherPromptIsNotTaken) { EXPECT_FALSE(read_latent(path_, "another", "a recipe")); }

TEST_F(LatentFile, OfAnotherRecipeIsNotTaken) { EXPECT_FALSE(read_latent(path_, "a prompt", "another")); }

TEST_F(LatentFile, ThatIsDamagedIsNotTaken) {
  const std::string content = dfm::testing::file_content(path_);
  for (std::size_t size = 0; size < content.size(); size += 7) {
    dfm::testing::write_file(path_, content.substr(0, size));
    EXPECT_FALSE(read_latent(path_, "a prompt", "a recipe")) << size << " bytes";
  }
}

TEST_F(LatentFile, ThatIsNotThereIsNotTaken) {
  EXPECT_FALSE(read_latent(folder_ / "1.safetensors", "a prompt", "a recipe"));
}

}  // namespace
}  // namespace dfm::sample
