#include "diffusion/flow_sampler.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "diffusion/flow.h"

namespace dfm::diffusion {
namespace {

// Half the logarithm of the signal-to-noise ratio, as UniPC measures time; infinite without noise.
double time_of(double sigma) { return std::log(1 - sigma) - std::log(sigma); }

// Multistep integration of x over the grid, from estimates of x0 at its points. Point `at_` is the newest
// that has an estimate; those of two points are kept.
class UniPc {
 public:
  explicit UniPc(std::vector<double> sigmas) : sigmas_(std::move(sigmas)) {}

  // x at the next point, and the estimate of x0 made from it -> x at the point behind that.
  at::Tensor step(const at::Tensor& x, const at::Tensor& estimate) {
    const bool is_first = !estimate_.defined();
    x_ = is_first ? x : corrected(estimate);
    if (!is_first) ++at_;
    estimate_before_ = std::exchange(estimate_, estimate);
    const std::size_t steps = sigmas_.size() - 1;
    order_ = std::min({std::size_t{2}, steps - at_, at_ + 1});
    const Move move = first_order();
    return order_ == 1 ? move.x : move.x - move.weight * 0.5 * slope_before(move.span);
  }

 private:
  // The first-order move to the next point, and the weight of what is added to it.
  struct Move {
    at::Tensor x;
    double weight, span;
  };

  Move first_order() const {
    const double span = time_of(sigmas_[at_ + 1]) - time_of(sigmas_[at_]);
    const double weight = (1 - sigmas_[at_ + 1]) * std::expm1(-span);
    return {x_ * (sigmas_[at_ + 1] / sigmas_[at_]) - weight * estimate_, weight, span};
  }

  // Where the point before lies, in spans, and the slope of the estimates since.
  double ratio(double span) const { return (time_of(sigmas_[at_ - 1]) - time_of(sigmas_[at_])) / span; }
  at::Tensor slope_before(double span) const { return (estimate_before_ - estimate_) / ratio(span); }

  // The last move again, now that the estimate at its end is known.
  at::Tensor corrected(const at::Tensor& estimate) const {
    const Move move = first_order();
    const at::Tensor slope = estimate - estimate_;
    if (order_ == 1) return move.x - move.weight * 0.5 * slope;
    const double h = -move.span, b = std::expm1(h), phi_2 = b / h - 1, phi_3 = phi_2 / h - 0.5;
    const double first = phi_2 / b, second = 2 * phi_3 / b;
    const double before = (first - second) / (1 - ratio(move.span));
    return move.x - move.weight * (before * slope_before(move.span) + (first - before) * slope);
  }

  std::vector<double> sigmas_;
  std::size_t at_ = 0;
  at::Tensor x_;  // at the point, corrected
  at::Tensor estimate_, estimate_before_;
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
