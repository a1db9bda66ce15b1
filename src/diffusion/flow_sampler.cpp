#include "diffusion/flow_sampler.h"

#include <algorithm>
#include <cmath>

#include "diffusion/flow.h"

namespace dfm::diffusion {
namespace {

// Half the logarithm of the signal-to-noise ratio, as UniPC measures time; infinite without noise.
double time_of(double sigma) { return std::log(1 - sigma) - std::log(sigma); }

// Multistep integration of x over the grid, from estimates of x0 at its points.
class UniPc {
 public:
  explicit UniPc(std::vector<double> sigmas) : sigmas_(std::move(sigmas)) {}

  // x at point i, and the estimate of x0 made from it -> x at point i + 1.
  at::Tensor step(const at::Tensor& x, const at::Tensor& estimate) {
    const at::Tensor corrected = estimates_.empty() ? x : correct(estimate);
    estimates_.push_back(estimate);
    const std::size_t i = estimates_.size() - 1, steps = sigmas_.size() - 1;
    order_ = std::min({std::size_t{2}, steps - i, i + 1});
    last_ = corrected;
    return predict(i);
  }

 private:
  // The first-order move between two points, and the weight of what is added to it.
  struct Move {
    at::Tensor x;
    double weight, span;
  };

  Move first_order(std::size_t from) const {
    const double span = time_of(sigmas_[from + 1]) - time_of(sigmas_[from]);
    const double weight = (1 - sigmas_[from + 1]) * std::expm1(-span);
    return {last_ * (sigmas_[from + 1] / sigmas_[from]) - weight * estimates_[from], weight, span};
  }

  // Where the point before `from` lies, in spans, and the slope of the estimates since.
  double ratio(std::size_t from, double span) const {
    return (time_of(sigmas_[from - 1]) - time_of(sigmas_[from])) / span;
  }
  at::Tensor slope_before(std::size_t from, double span) const {
    return (estimates_[from - 1] - estimates_[from]) / ratio(from, span);
  }

  at::Tensor predict(std::size_t i) const {
    const Move move = first_order(i);
    return order_ == 1 ? move.x : move.x - move.weight * 0.5 * slope_before(i, move.span);
  }

  // The last move again, now that the estimate at its end is known.
  at::Tensor correct(const at::Tensor& estimate) const {
    const std::size_t from = estimates_.size() - 1;
    const Move move = first_order(from);
    const at::Tensor slope = estimate - estimates_[from];
    if (order_ == 1) return move.x - move.weight * 0.5 * slope;
    const double h = -move.span, b = std::expm1(h), phi_2 = b / h - 1, phi_3 = phi_2 / h - 0.5;
    const double first = phi_2 / b, second = 2 * phi_3 / b;
    const double before = (first - second) / (1 - ratio(from, move.span));
    return move.x - move.weight * (before * slope_before(from, move.span) + (first - before) * slope);
  }

  std::vector<double> sigmas_;
  std::vector<at::Tensor> estimates_;
  at::Tensor last_;  // x at the point before, corrected
  std::size_t order_ = 1;
};

}  // namespace

FlowSamplerSettings flow_sampler_settings(const Config& config) {
  return {.steps = config.integer("sample.num_steps"),
          .shift = config.real("sample.shift"),
          .multistep = config.text("sample.sampler") != "euler"};
}

// The roundings are those of the reference, so that timesteps come out the same.
FlowGrid flow_grid(const FlowSamplerSettings& settings) {
  constexpr double kLeast = 1 / kTimesteps;
  const double step = (kLeast - 1) / static_cast<double>(settings.steps);
  FlowGrid grid;
  for (std::int64_t k = settings.steps; k > 0; --k) {
    const double u = 1 - (k == settings.steps ? kLeast : static_cast<double>(k) * step + 1);
    grid.sigmas.push_back(settings.shift * u / (1 + (settings.shift - 1) * u));
    grid.timesteps.push_back(std::floor(grid.sigmas.back() * kTimesteps));
  }
  grid.sigmas.push_back(0);
  return grid;
}

at::Tensor sample_flow(const Velocity& velocity, const at::Tensor& noise, const FlowSamplerSettings& settings,
                       const StepCallback& after_step) {
  const FlowGrid grid = flow_grid(settings);
  UniPc multistep(grid.sigmas);
  at::Tensor x = noise.to(at::kDouble);
  for (std::size_t i = 0; i < grid.timesteps.size(); ++i) {
    const at::Tensor slope = velocity(x, grid.timesteps[i]);
    x = settings.multistep ? multistep.step(x, x - grid.sigmas[i] * slope)
                           : x + (grid.sigmas[i + 1] - grid.sigmas[i]) * slope;
    if (!after_step(static_cast<std::int64_t>(i) + 1, x)) return {};
  }
  return x;
}

}  // namespace dfm::diffusion
