// The samplers: noise levels of golden/derived.md B4, data whose flow is known exactly, the reference's
// double-call step, and the traces of tests/golden/dit.
#include <cmath>
#include <numbers>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/keys.h"
#include "core/error.h"
#include "diffusion/sampler.h"
#include "support/tensors.h"
#include "unit/model/golden_dit.h"

namespace dfm::diffusion {
namespace {

using dfm::testing::Normals;
using dfm::testing::relative_error;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

SamplerSettings settings_of(std::int64_t steps, bool second_order) {
  return {.steps = steps, .second_order = second_order};
}

const StepCallback kGoOn = [](std::int64_t, const at::Tensor&) { return true; };

at::Tensor no_churn(std::int64_t) { throw std::logic_error("churn noise was asked for"); }

TEST(NoiseLevels, OfFiveStepsAreThoseOfTheReference) {
  const std::vector<double> expected{80, 17.527832, 2.51521898, 0.169752756, 0.002, 0};
  const auto levels = noise_levels(settings_of(5, true));
  ASSERT_EQ(levels.size(), expected.size());
  for (std::size_t i = 0; i < levels.size(); ++i) EXPECT_NEAR(levels[i], expected[i], expected[i] * 1e-8);
}

TEST(NoiseLevels, Of35StepsAreThoseOfTheReference) {
  const std::vector<double> expected{
      80,        68.0051,   57.586,   48.5662,   40.7856,   34.0988,    28.3746,    23.4946, 19.3525,
      15.8527,   12.9101,   10.4486,  8.40094,   6.70731,   5.31519,    4.17847,    3.25682, 2.51522,
      1.92334,   1.4551,    1.08817,  0.803593,  0.585348,  0.420016,   0.296442,   0.20544, 0.139516,
      0.0926249, 0.0599473, 0.037695, 0.0229345, 0.0134338, 0.00752802, 0.00400369, 0.002,   0};
  const auto levels = noise_levels(settings_of(35, true));
  ASSERT_EQ(levels.size(), expected.size());
  for (std::size_t i = 0; i < levels.size(); ++i)
    EXPECT_NEAR(levels[i], expected[i], expected[i] * 4e-6) << i;
}

TEST(NoiseLevels, EndWithExactlyZero) { EXPECT_EQ(noise_levels(settings_of(7, false)).back(), 0.0); }

// Data with a normal distribution of deviation s: the best denoiser is linear, and the flow is exact.
constexpr double kDeviation = 0.5;

at::Tensor gaussian_denoiser(const at::Tensor& x, double sigma) {
  return x * (kDeviation * kDeviation / (kDeviation * kDeviation + sigma * sigma));
}

double end_error(std::int64_t steps, bool second_order) {
  const at::Tensor end = sample(gaussian_denoiser, at::ones({1}, at::kDouble),
                                settings_of(steps, second_order), no_churn, kGoOn);
  const double exact = 80 * kDeviation / std::sqrt(kDeviation * kDeviation + 80 * 80);
  return std::abs(end.item<double>() - exact);
}

TEST(Sampler, EndsNearTheExactFlowOfGaussianData) {
  EXPECT_LT(end_error(200, true), 5e-4);
  EXPECT_LT(end_error(2000, false), 2e-3);
}

// Halving the step divides the error by 2^order, as long as the last step (to 0) does not dominate.
double order_of(bool second_order, std::int64_t steps) {
  return std::log2(end_error(steps, second_order) / end_error(2 * steps, second_order));
}

TEST(Sampler, EulerConvergesWithOrderOne) { EXPECT_NEAR(order_of(false, 128), 1.0, 0.1); }

TEST(Sampler, HeunConvergesWithOrderTwo) { EXPECT_NEAR(order_of(true, 32), 2.0, 0.2); }

// A denoiser without structure, so that steps differ in every element.
at::Tensor wild_denoiser(const at::Tensor& x, double sigma) { return at::sin(x + sigma) * 0.7; }

// What the reference does: a second evaluation at the point where the step began (spec/dfm.md section 2.3).
at::Tensor double_call_sampler(const at::Tensor& noise, const std::vector<double>& levels) {
  at::Tensor x = noise * levels.front();
  for (std::size_t i = 0; i + 1 < levels.size(); ++i) {
    const at::Tensor first = (x - wild_denoiser(x, levels[i])) / levels[i];
    const at::Tensor second = (x - wild_denoiser(x, levels[i])) / levels[i];
    x = x + (levels[i + 1] - levels[i]) * 0.5 * (first + second);
  }
  return x;
}

TEST(Sampler, EulerGivesTheResultOfTheReferencesDoubleCalls) {
  Normals normals;
  const at::Tensor noise = normals({40}).to(at::kDouble);
  const SamplerSettings settings = settings_of(20, false);
  const at::Tensor ours = sample(wild_denoiser, noise, settings, no_churn, kGoOn);
  EXPECT_LT(relative_error(ours, double_call_sampler(noise, noise_levels(settings))), 1e-12);
}

TEST(Sampler, CallsTheDenoiserOnceAStepAndHeunTwiceButAtTheEnd) {
  for (const bool second_order : {false, true}) {
    std::vector<double> sigmas;
    const Denoiser counting = [&](const at::Tensor& x, double sigma) {
      EXPECT_EQ(x.scalar_type(), at::kDouble);
      sigmas.push_back(sigma);
      return wild_denoiser(x, sigma);
    };
    const SamplerSettings settings = settings_of(5, second_order);
    sample(counting, at::ones({3}, at::kDouble), settings, no_churn, kGoOn);
    const auto l = noise_levels(settings);
    if (second_order) {
      EXPECT_THAT(sigmas, ElementsAre(l[0], l[1], l[1], l[2], l[2], l[3], l[3], l[4], l[4]));
    } else {
      EXPECT_THAT(sigmas, ElementsAre(l[0], l[1], l[2], l[3], l[4]));
    }
  }
}

TEST(Sampler, StopsWhenTheCallbackSaysSo) {
  std::vector<std::int64_t> steps;
  const at::Tensor end = sample(wild_denoiser, at::ones({3}, at::kDouble), settings_of(10, true), no_churn,
                                [&](std::int64_t step, const at::Tensor&) {
                                  steps.push_back(step);
                                  return step < 4;
                                });
  EXPECT_FALSE(end.defined());
  EXPECT_THAT(steps, ElementsAre(1, 2, 3, 4));
}

TEST(Sampler, ShowsTheCallbackEachState) {
  at::Tensor last;
  const at::Tensor end = sample(wild_denoiser, at::ones({3}, at::kDouble), settings_of(6, true), no_churn,
                                [&](std::int64_t, const at::Tensor& x) {
                                  last = x.clone();
                                  return true;
                                });
  EXPECT_TRUE(at::equal(end, last));
}

// Algorithm 2 of Karras et al. with S_min 0, S_max infinite and S_noise 1, written out.
TEST(Sampler, ChurnRaisesTheLevelAndAddsTheNoiseThatBelongsToIt) {
  Normals normals;
  const at::Tensor noise = normals({20}).to(at::kDouble);
  std::vector<at::Tensor> fresh;
  for (int i = 0; i < 4; ++i) fresh.push_back(normals({20}).to(at::kDouble));
  SamplerSettings settings = settings_of(4, true);
  for (const double churn : {0.5, 40.0}) {
    settings.churn = churn;
    const auto levels = noise_levels(settings);
    const double gamma = std::min(churn / 4, std::numbers::sqrt2 - 1);
    at::Tensor x = noise * 80;
    for (std::size_t i = 0; i < 4; ++i) {
      const double raised = levels[i] * (1 + gamma), next = levels[i + 1];
      const at::Tensor start = x + std::sqrt(raised * raised - levels[i] * levels[i]) * fresh[i];
      const at::Tensor slope = (start - wild_denoiser(start, raised)) / raised;
      x = start + (next - raised) * slope;
      if (next > 0) x = start + (next - raised) * (slope + (x - wild_denoiser(x, next)) / next) / 2;
    }
    const at::Tensor ours = sample(
        wild_denoiser, noise, settings,
        [&](std::int64_t step) { return fresh[static_cast<std::size_t>(step)]; }, kGoOn);
    EXPECT_LT(relative_error(ours, x), 1e-12) << "churn " << churn;
  }
}

TEST(SamplerSettings, ComeFromTheKeysOfSample) {
  Config config(all_keys());
  config.apply({{"sample.num_steps", "9", "test"},
                {"sample.sampler", "euler", "test"},
                {"sample.sigma_max", "70", "test"},
                {"sample.rho", "5", "test"},
                {"sample.s_churn", "3", "test"}});
  const SamplerSettings settings = sampler_settings(config);
  EXPECT_EQ(settings.steps, 9);
  EXPECT_FALSE(settings.second_order);
  EXPECT_EQ(settings.sigma_max, 70);
  EXPECT_EQ(settings.rho, 5);
  EXPECT_EQ(settings.churn, 3);
}

TEST(SamplerSettings, WithLevelsTheWrongWayRoundAreRefused) {
  Config config(all_keys());
  config.apply({{"sample.sigma_min", "3", "test"}, {"sample.sigma_max", "3", "test"}});
  try {
    sampler_settings(config);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ExitCode::usage);
    EXPECT_THAT(error.what(), HasSubstr("sample.sigma_min = 3 is not below sample.sigma_max = 3"));
  }
}

// Five steps with guidance 1.5 on the golden model, whose tokens are the state.
class GoldenSampler : public ::testing::TestWithParam<bool> {
 protected:
  const model::GoldenDit golden_;

  at::Tensor denoised(const at::Tensor& x, double sigma, const at::Tensor& text) const {
    const at::Tensor sigmas = at::full({3}, sigma, at::kFloat);
    return denoise(golden_.network(text), x.to(at::kFloat), sigmas, 0.5, golden_.layout).to(at::kDouble);
  }
};

TEST_P(GoldenSampler, FollowsTheTraceOfTheReference) {
  const at::NoGradGuard no_gradients;
  const at::Tensor text = golden_.tensor("in.text");
  const Denoiser guided = [&](const at::Tensor& x, double sigma) {
    const at::Tensor with_text = denoised(x, sigma, text);
    return with_text + 1.5 * (with_text - denoised(x, sigma, at::zeros_like(text)));
  };
  const std::string name = GetParam() ? "heun" : "euler";
  // Heun's second slope at the lowest level divides the float32 error of D by 0.002.
  const double tolerance = GetParam() ? 1e-5 : 1e-6;
  const at::Tensor trace = golden_.tensor("sample." + name + "_trace");
  const at::Tensor end = sample(guided, golden_.tensor("sample.noise"), settings_of(5, GetParam()), no_churn,
                                [&](std::int64_t step, const at::Tensor& x) {
                                  EXPECT_LT(relative_error(x, trace[step - 1]), tolerance)
                                      << name << " after step " << step;
                                  return true;
                                });
  EXPECT_LT(relative_error(end, golden_.tensor("sample." + name)), tolerance);
}

INSTANTIATE_TEST_SUITE_P(Orders, GoldenSampler, ::testing::Bool());

TEST(GoldenSamplerLevels, AreOurs) {
  const model::GoldenDit golden;
  const at::Tensor sigmas = golden.tensor("sample.sigmas");
  const auto levels = noise_levels(settings_of(5, true));
  EXPECT_LT(relative_error(at::tensor(levels, at::kDouble), sigmas), 1e-12);
}

}  // namespace
}  // namespace dfm::diffusion
