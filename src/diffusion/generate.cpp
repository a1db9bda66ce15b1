#include "diffusion/generate.h"

#include "core/philox.h"
#include "diffusion/edm.h"
#include "model/patchify.h"
#include "nn/array_bridge.h"

namespace dfm::diffusion {
namespace {

// Step numbers and sample keys share the 64-bit key of the churn stream.
std::uint64_t churn_key(std::uint64_t noise_key, std::int64_t step) {
  return noise_key << 16U | static_cast<std::uint64_t>(step);
}

at::Tensor normal_tokens(const Philox& random, const Shape& latent, const model::PatchShape& shape) {
  at::Tensor values = at::empty(latent, at::kFloat);
  random.normals(0, {values.mutable_data_ptr<float>(), static_cast<std::size_t>(values.numel())});
  return model::patchify(values, shape);
}

// The requests as one pack, with the unguided twin of each behind them.
class Batch {
 public:
  Batch(const model::Backbone& backbone, const std::vector<Request>& requests,
        const GenerateSettings& settings)
      : backbone_(backbone),
        requests_(requests),
        settings_(settings),
        copies_(settings.guidance > 0 ? 2 : 1) {
    std::vector<at::Tensor> texts, positions;
    for (const Request& request : requests) {
      grids_.push_back(model::patch_grid(request.latent, backbone.patches));
      token_counts_.push_back(grids_.back().tokens());
      text_counts_.push_back(request.text.shape[0]);
      texts.push_back(nn::to_tensor(request.text).to(at::kFloat));
      positions.push_back(model::token_positions(grids_.back()));
    }
    const at::Tensor text = at::cat(texts), position = at::cat(positions);
    text_ = copies_ == 2 ? at::cat({text, at::zeros_like(text)}) : text;
    positions_ = copies_ == 2 ? at::cat({position, position}) : position;
  }

  at::Tensor starting_noise() const {
    return tokens_of([&](std::uint64_t key) { return Philox(settings_.seed, Stream::sampling_noise, key); });
  }

  at::Tensor churn_noise(std::int64_t step) const {
    return tokens_of([&](std::uint64_t key) {
      return Philox(settings_.seed, Stream::sampling_churn, churn_key(key, step));
    });
  }

  // x [S, f] float64 -> the guided estimate of x0, float64.
  at::Tensor denoised(const at::Tensor& x, double sigma) const {
    const nn::PackLayout layout(repeated(token_counts_), repeated(text_counts_));
    const Network network = [&](const at::Tensor& tokens, const at::Tensor& c_noise) {
      return backbone_.forward({tokens, positions_, c_noise, text_}, layout);
    };
    const at::Tensor single = x.to(at::kFloat);
    const at::Tensor sigmas = at::full({layout.samples()}, sigma, at::kFloat);
    const at::Tensor input = copies_ == 2 ? at::cat({single, single}) : single;
    const at::Tensor estimate = denoise(network, input, sigmas, settings_.sigma_data, layout).to(at::kDouble);
    if (copies_ == 1) return estimate;
    const auto halves = estimate.chunk(2);
    return halves[0] + settings_.guidance * (halves[0] - halves[1]);
  }

  std::vector<Array> latents(const at::Tensor& x) const {
    const at::Tensor scaled = (x / settings_.sigma_data).to(at::kFloat);
    std::vector<Array> results;
    std::int64_t begin = 0;
    for (const model::PatchGrid& grid : grids_) {
      results.push_back(
          nn::to_array(model::unpatchify(scaled.narrow(0, begin, grid.tokens()), grid, backbone_.patches)));
      begin += grid.tokens();
    }
    return results;
  }

 private:
  std::vector<std::int64_t> repeated(const std::vector<std::int64_t>& counts) const {
    std::vector<std::int64_t> all = counts;
    if (copies_ == 2) all.insert(all.end(), counts.begin(), counts.end());
    return all;
  }

  template <class MakePhilox>
  at::Tensor tokens_of(const MakePhilox& make_philox) const {
    std::vector<at::Tensor> tokens;
    for (const Request& request : requests_) {
      tokens.push_back(normal_tokens(make_philox(request.noise_key), request.latent, backbone_.patches));
    }
    return at::cat(tokens).to(at::kDouble);
  }

  const model::Backbone& backbone_;
  const std::vector<Request>& requests_;
  const GenerateSettings& settings_;
  int copies_;
  std::vector<model::PatchGrid> grids_;
  std::vector<std::int64_t> token_counts_, text_counts_;
  at::Tensor text_, positions_;
};

}  // namespace

std::vector<Array> generate(const model::Backbone& network, const std::vector<Request>& requests,
                            const GenerateSettings& settings, const StepCallback& after_step) {
  const at::NoGradGuard no_gradients;
  const Batch batch(network, requests, settings);
  const at::Tensor x =
      sample([&](const at::Tensor& state, double sigma) { return batch.denoised(state, sigma); },
             batch.starting_noise(), settings.sampler,
             [&](std::int64_t step) { return batch.churn_noise(step); }, after_step);
  return x.defined() ? batch.latents(x) : std::vector<Array>{};
}

}  // namespace dfm::diffusion
