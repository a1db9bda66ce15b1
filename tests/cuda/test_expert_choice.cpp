// What experts choose on the GPU is what they choose on the CPU.
#include <limits>

#include "cuda/gpu.h"
#include "nn/expert_choice.h"

namespace dfm {
namespace {

using test::gpu;

struct ExpertChoice : test::OnGpu {
  static void expect_the_choice_of_the_cpu(const at::Tensor& scores, const std::vector<std::int64_t>& groups,
                                           double factor) {
    const nn::Choice here = nn::choose_tokens(scores, groups, factor);
    const nn::Choice there = nn::choose_tokens(scores.to(gpu()), groups, factor);
    EXPECT_EQ(there.tokens.device(), gpu());
    EXPECT_TRUE(at::equal(there.tokens.cpu(), here.tokens));
    EXPECT_TRUE(at::equal(there.experts.cpu(), here.experts));
    EXPECT_EQ(there.counts, here.counts);
  }
};

TEST_F(ExpertChoice, OfRandomScoresIsThatOfTheCpu) {
  expect_the_choice_of_the_cpu(at::rand({1000, 16}), {1000}, 2);
  expect_the_choice_of_the_cpu(at::rand({1000, 16}), {1, 300, 0, 699}, 8);
}

TEST_F(ExpertChoice, OfEqualScoresIsThatOfTheCpu) {
  expect_the_choice_of_the_cpu(at::randint(0, 4, {5000, 8}).to(at::kFloat), {2000, 3000}, 1);
}

TEST_F(ExpertChoice, OfWhatIsNoNumberIsThatOfTheCpu) {
  at::Tensor scores = at::rand({64, 4});
  scores.narrow(0, 10, 40).fill_(std::numeric_limits<float>::quiet_NaN());
  expect_the_choice_of_the_cpu(scores, {64}, 2);
}

TEST_F(ExpertChoice, OfAPackWithoutSamplesIsEmpty) {
  expect_the_choice_of_the_cpu(at::empty({0, 4}, at::kFloat), {}, 2);
}

}  // namespace
}  // namespace dfm
