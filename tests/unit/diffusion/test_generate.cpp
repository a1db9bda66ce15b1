// Sampling from a DiT: what a request gets, and what it costs.
#include <atomic>

#include <ATen/record_function.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/philox.h"
#include "diffusion/edm.h"
#include "diffusion/generate.h"
#include "model/patchify.h"
#include "nn/array_bridge.h"
#include "unit/model/small_dit.h"

namespace dfm::diffusion {
namespace {

using dfm::testing::Normals;
using dfm::testing::relative_error;

const StepCallback kGoOn = [](std::int64_t, const at::Tensor&) { return true; };

class Generate : public ::testing::Test {
 protected:
  Normals normals_;
  const model::SmallDit model_{model::small_shape(64, 4)};

  Request request(const Shape& latent, std::int64_t text_rows, std::uint64_t noise_key) {
    return {nn::to_array(normals_({text_rows, 24})), latent, noise_key};
  }
  static GenerateSettings settings(double guidance) {
    GenerateSettings settings;
    settings.sampler.steps = 6;
    settings.guidance = guidance;
    return settings;
  }
  std::vector<Array> generated(const std::vector<Request>& requests, const GenerateSettings& with) const {
    return generate(model_.network, requests, with, kGoOn);
  }
};

TEST_F(Generate, GivesLatentsOfTheShapesThatWereAskedFor) {
  const auto latents = generated({request({4, 1, 4, 6}, 3, 0), request({4, 3, 2, 2}, 1, 1)}, settings(1));
  ASSERT_EQ(latents.size(), 2U);
  EXPECT_EQ(latents[0].shape, (Shape{4, 1, 4, 6}));
  EXPECT_EQ(latents[1].shape, (Shape{4, 3, 2, 2}));
  EXPECT_EQ(latents[0].dtype, DType::float32);
}

TEST_F(Generate, GivesARequestTheSameWhateverElseIsInTheCall) {
  const std::vector<Request> requests{request({4, 1, 4, 6}, 3, 5), request({4, 3, 2, 2}, 1, 6),
                                      request({4, 1, 8, 8}, 20, 7), request({4, 1, 4, 6}, 3, 8)};
  for (const double guidance : {0.0, 1.5}) {
    const auto together = generated(requests, settings(guidance));
    for (std::size_t i = 0; i < requests.size(); ++i) {
      const auto alone = generated({requests[i]}, settings(guidance));
      EXPECT_LT(relative_error(nn::to_tensor(together[i]), nn::to_tensor(alone[0])), 1e-5) << i;
    }
  }
}

TEST_F(Generate, GivesTheSameBitsForTheSameSeed) {
  const std::vector<Request> requests{request({4, 1, 4, 6}, 3, 0), request({4, 1, 6, 4}, 2, 1)};
  const auto first = generated(requests, settings(1)), second = generated(requests, settings(1));
  EXPECT_EQ(first[0].bytes, second[0].bytes);
  EXPECT_EQ(first[1].bytes, second[1].bytes);
}

TEST_F(Generate, GivesOtherSamplesForAnotherSeedOrKey) {
  const Request one = request({4, 1, 4, 6}, 3, 0);
  GenerateSettings other_seed = settings(1);
  other_seed.seed = 2;
  const auto base = generated({one}, settings(1));
  EXPECT_NE(base[0].bytes, generated({one}, other_seed)[0].bytes);
  EXPECT_NE(base[0].bytes, generated({{one.text, one.latent, 1}}, settings(1))[0].bytes);
}

// The same steps by hand: noise in the order of the latent, D_c + g (D_c - D_u), zero text for D_u.
at::Tensor by_hand(const model::Backbone& dit, const Request& request, const GenerateSettings& settings) {
  const model::PatchGrid grid = model::patch_grid(request.latent, dit.patches);
  at::Tensor noise = at::empty(request.latent, at::kFloat);
  Philox(settings.seed, Stream::sampling_noise, request.noise_key)
      .normals(0, {noise.mutable_data_ptr<float>(), static_cast<std::size_t>(noise.numel())});
  const nn::PackLayout layout({grid.tokens()}, {request.text.shape[0]});
  const auto estimate = [&](const at::Tensor& x, double sigma, const at::Tensor& text) {
    const Network network = [&](const at::Tensor& tokens, const at::Tensor& c_noise) {
      return dit.forward({tokens, model::token_positions(grid), c_noise, text}, layout);
    };
    return denoise(network, x.to(at::kFloat), at::full({1}, sigma, at::kFloat), 0.5, layout).to(at::kDouble);
  };
  const at::Tensor text = nn::to_tensor(request.text);
  const at::Tensor end = sample(
      [&](const at::Tensor& x, double sigma) {
        const at::Tensor with_text = estimate(x, sigma, text);
        return with_text + settings.guidance * (with_text - estimate(x, sigma, at::zeros_like(text)));
      },
      model::patchify(noise, dit.patches), settings.sampler, [](std::int64_t) { return at::Tensor(); },
      kGoOn);
  return model::unpatchify(end / 0.5, grid, dit.patches);
}

TEST_F(Generate, IsTheSamplerWithGuidance) {
  const at::NoGradGuard no_gradients;
  const Request one = request({4, 2, 4, 6}, 3, 11);
  for (const double guidance : {0.0, 1.5, 7.0}) {
    const auto ours = generated({one}, settings(guidance));
    EXPECT_LT(relative_error(nn::to_tensor(ours[0]), by_hand(model_.network, one, settings(guidance))), 1e-5)
        << "guidance " << guidance;
  }
}

// Adds up the bytes of all tensors that are made: a measure of work that no clock disturbs.
class CountedBytes : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, std::int64_t allocated, std::size_t, std::size_t, c10::Device) override {
    if (allocated > 0) total += allocated;
  }
  bool memoryProfilingEnabled() const override { return true; }

  std::int64_t total = 0;
};

double bytes_made(const std::function<void()>& body) {
  const auto counter = std::make_shared<CountedBytes>();
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, counter);
  body();
  return static_cast<double>(counter->total);
}

TEST_F(Generate, CostsHalfWithoutGuidance) {
  const std::vector<Request> requests{request({4, 1, 16, 16}, 3, 0), request({4, 1, 32, 32}, 2, 1)};
  const double plain = bytes_made([&] { generated(requests, settings(0)); });
  const double guided = bytes_made([&] { generated(requests, settings(2)); });
  EXPECT_GT(plain, 0);
  EXPECT_NEAR(guided / plain, 2, 0.1);
}

TEST_F(Generate, StopsWhenAskedTo) {
  std::int64_t last = 0;
  const auto latents = generate(model_.network, {request({4, 1, 4, 6}, 3, 0)}, settings(1),
                                [&](std::int64_t step, const at::Tensor&) {
                                  last = step;
                                  return step < 2;
                                });
  EXPECT_TRUE(latents.empty());
  EXPECT_EQ(last, 2);
}

TEST_F(Generate, ChurnsWithNoiseThatBelongsToTheRequest) {
  GenerateSettings churned = settings(1);
  churned.sampler.churn = 2;
  const std::vector<Request> requests{request({4, 1, 4, 6}, 3, 5), request({4, 1, 4, 6}, 3, 6)};
  const auto together = generated(requests, churned);
  EXPECT_LT(relative_error(nn::to_tensor(together[1]), nn::to_tensor(generated({requests[1]}, churned)[0])),
            1e-5);
  EXPECT_GT(relative_error(nn::to_tensor(together[1]), nn::to_tensor(generated(requests, settings(1))[1])),
            1e-3);
}

TEST_F(Generate, LeavesNoGradientsBehind) {
  generated({request({4, 1, 4, 6}, 3, 0)}, settings(1));
  for (const auto& parameter : model_.parameters.all()) EXPECT_FALSE(parameter.value.grad().defined());
}

TEST_F(Generate, RefusesALatentThatTheModelCannotCut) {
  EXPECT_THROW(generated({request({4, 1, 5, 6}, 3, 0)}, settings(1)), Error);
  EXPECT_THROW(generated({request({4, 1, 4, 82}, 3, 0)}, settings(1)), Error);
}

}  // namespace
}  // namespace dfm::diffusion
