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
    std::vector<at::Tensor> positions, texts;
    std::vector<std::int64_t> token_counts, text_counts;  // of the requests, then of their twins
    for (const Request& request : requests) {
      grids_.push_back(model::patch_grid(request.latent, backbone.patches));
      token_counts.push_back(grids_.back().tokens());
      positions.push_back(model::token_positions(grids_.back()));
      texts.push_back(nn::to_tensor(request.text).to(at::kFloat));
    }
    positions_ = at::cat(positions);  // stay on the CPU
    if (copies_ == 2) {
      for (const Request& request : requests) texts.push_back(negative_of(request));
      positions_ = at::cat({positions_, positions_});
      for (const model::PatchGrid& grid : grids_) token_counts.push_back(grid.tokens());
    }
    text_ = at::cat(texts).to(backbone.device);
    for (const at::Tensor& text : texts) text_counts.push_back(text.size(0));
    layout_ = nn::PackLayout(std::move(token_counts), std::move(text_counts));
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
    return guided(x, [&](const Network& network, const at::Tensor& input) {
      return denoise(network, input, per_sample(sigma), settings_.sigma_data, layout_);
    });
  }

  // x [S, f] float64 -> the guided velocity, float64.
  at::Tensor velocity(const at::Tensor& x, double timestep) const {
    return guided(x, [&](const Network& network, const at::Tensor& input) {
      return network(input, per_sample(timestep));
    });
  }

  std::vector<Array> latents(const at::Tensor& x) const {
    const at::Tensor scaled = (settings_.flow ? x : x / settings_.sigma_data).to(at::kFloat).cpu();
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
  static at::Tensor negative_of(const Request& request) {
    if (request.negative.bytes.empty()) return at::zeros(request.text.shape, at::kFloat);
    return nn::to_tensor(request.negative).to(at::kFloat);
  }

  // The same number for each of the requests and their twins.
  at::Tensor per_sample(double value) const { return at::full({layout_.samples()}, value, text_.options()); }

  // estimate(network, x) of the requests, led away from that of their twins.
  template <class Estimate>
  at::Tensor guided(const at::Tensor& x, const Estimate& estimate) const {
    const Network network = [&](const at::Tensor& tokens, const at::Tensor& level) {
      return backbone_.forward({tokens, positions_, level, text_}, layout_);
    };
    const at::Tensor single = x.to(at::kFloat);
    const at::Tensor input = copies_ == 2 ? at::cat({single, single}) : single;
    const at::Tensor all = estimate(network, input).to(at::kDouble);
    if (copies_ == 1) return all;
    const auto halves = all.chunk(2);
    return halves[0] + settings_.guidance * (halves[0] - halves[1]);
  }

  template <class MakePhilox>
  at::Tensor tokens_of(const MakePhilox& make_philox) const {
    std::vector<at::Tensor> tokens;
    for (const Request& request : requests_) {
      tokens.push_back(normal_tokens(make_philox(request.noise_key), request.latent, backbone_.patches));
    }
    return at::cat(tokens).to(backbone_.device, at::kDouble);
  }

  const model::Backbone& backbone_;
  const std::vector<Request>& requests_;
  const GenerateSettings& settings_;
  int copies_;
  std::vector<model::PatchGrid> grids_;
  nn::PackLayout layout_{{}, {}};
  at::Tensor text_, positions_;
};

at::Tensor denoised(const Batch& batch, const SamplerSettings& sampler, const StepCallback& after_step) {
  return sample([&](const at::Tensor& x, double sigma) { return batch.denoised(x, sigma); },
                batch.starting_noise(), sampler, [&](std::int64_t step) { return batch.churn_noise(step); },
                after_step);
}

at::Tensor flowed(const Batch& batch, const FlowSamplerSettings& sampler, const StepCallback& after_step) {
  return sample_flow([&](const at::Tensor& x, double timestep) { return batch.velocity(x, timestep); },
                     batch.starting_noise(), sampler, after_step);
}

}  // namespace

std::vector<Array> generate(const model::Backbone& network, const std::vector<Request>& requests,
                            const GenerateSettings& settings, const StepCallback& after_step) {
  const at::NoGradGuard no_gradients;
  const Batch batch(network, requests, settings);
  const at::Tensor x = settings.flow ? flowed(batch, *settings.flow, after_step)
                                     : denoised(batch, settings.sampler, after_step);
  return x.defined() ? batch.latents(x) : std::vector<Array>{};
}

}  // namespace dfm::diffusion
