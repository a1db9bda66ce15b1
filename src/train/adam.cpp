#include "train/adam.h"

#include <cmath>

#include "core/stop_token.h"
#include "nn/kernel_support.h"
#include "nn/untouched_memory.h"
#include "train/replicas.h"
#include "train/unit_gather.h"

namespace dfm::train {
namespace {

using nn::load;

constexpr std::int64_t kGrain = 1 << 14;

// What one element's update needs, in float32.
struct Coefficients {
  float beta1, beta2, epsilon, decay, rate, root_correction, gradient_scale;
};

Coefficients coefficients(const AdamSettings& settings, std::int64_t step, double learning_rate,
                          double gradient_scale, bool decays) {
  const auto n = static_cast<double>(step);
  return {.beta1 = static_cast<float>(settings.beta1),
          .beta2 = static_cast<float>(settings.beta2),
          .epsilon = static_cast<float>(settings.epsilon),
          .decay = static_cast<float>(1 - (decays ? learning_rate * settings.weight_decay : 0)),
          .rate = static_cast<float>(learning_rate / (1 - std::pow(settings.beta1, n))),
          .root_correction = static_cast<float>(1 / std::sqrt(1 - std::pow(settings.beta2, n))),
          .gradient_scale = static_cast<float>(gradient_scale)};
}

template <class T>
DFM_VECTOR_CLONES void adam_chunk(float* w, const T* g, float* m, float* v, std::int64_t count,
                                  Coefficients c) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    const float gradient = load(g[i]) * c.gradient_scale;
    m[i] += (1 - c.beta1) * (gradient - m[i]);
    v[i] = c.beta2 * v[i] + (1 - c.beta2) * gradient * gradient;
    w[i] = w[i] * c.decay - c.rate * m[i] / (std::sqrt(v[i]) * c.root_correction + c.epsilon);
  }
}

std::span<float> floats(float* data, std::int64_t count) { return {data, static_cast<std::size_t>(count)}; }

}  // namespace

AdamSettings adam_settings(const Config& config) {
  return {config.real("optimizer.adam_beta1"), config.real("optimizer.adam_beta2"),
          config.real("optimizer.adam_eps"), config.real("optimizer.weight_decay"),
          config.real("train.ema_decay")};
}

ShardedAdam::ShardedAdam(const nn::ParameterList& parameters, const ShardLayout& layout,
                         const comm::GridGroups& groups, const AdamSettings& settings)
    : parameters_(parameters), layout_(layout), groups_(groups), settings_(settings) {
  const auto state = [&] { return nn::untouched_zeros(layout.owned_count(), at::kFloat); };
  const bool are_master = parameters.buffer().scalar_type() == at::kFloat && parameters.units().size() == 1;
  if (!are_master) master_ = state();
  first_moment_ = state();
  second_moment_ = state();
  if (settings.ema_decay > 0) average_ = state();
}

float* ShardedAdam::weights(const Segment& segment) const {
  if (master_.defined()) return master_.mutable_data_ptr<float>() + segment.owned_offset;
  return parameters_.buffer().mutable_data_ptr<float>() + segment.buffer_offset;
}

void ShardedAdam::initialize(std::uint64_t seed) {
  begin_owned([seed](const nn::Parameter& parameter, std::int64_t first, std::span<float> out) {
    at::parallel_for(
        0, static_cast<std::int64_t>(out.size()), kGrain, [&](std::int64_t begin, std::int64_t end) {
          nn::initial_values(parameter, seed, first + begin, floats(out.data() + begin, end - begin));
        });
  });
  publish();
}

void ShardedAdam::begin_owned(const StartingValues& values) {
  for (const Segment& segment : layout_.segments()) {
    StopToken::throw_if_requested();
    float* const target = weights(segment);
    values(parameters_.all()[segment.parameter], segment.begin, floats(target, segment.count));
    if (average_.defined()) {
      std::copy_n(target, segment.count, average_.mutable_data_ptr<float>() + segment.owned_offset);
    }
  }
}

void ShardedAdam::load_owned(ckpt::PieceReader& reader) {
  for (const Segment& segment : layout_.segments()) {
    StopToken::throw_if_requested();
    const nn::Parameter& parameter = parameters_.all()[segment.parameter];
    const auto read = [&](const char* kind, float* target) {
      const nn::Placement& placement = parameter.placement;
      reader.read(kind, parameter.name, {placement.global_shape, placement.stripe(), segment.begin},
                  floats(target, segment.count));
    };
    read(ckpt::kWeights, weights(segment));
    read(ckpt::kFirstMoment, first_moment_.mutable_data_ptr<float>() + segment.owned_offset);
    read(ckpt::kSecondMoment, second_moment_.mutable_data_ptr<float>() + segment.owned_offset);
    if (average_.defined()) {
      read(ckpt::kMovingAverage, average_.mutable_data_ptr<float>() + segment.owned_offset);
    }
  }
}

void ShardedAdam::update(const Gradients& gradients, std::int64_t step, double learning_rate,
                         double gradient_scale) {
  for (const Segment& segment : layout_.segments()) {
    const bool decays = parameters_.all()[segment.parameter].decays();
    const Coefficients c = coefficients(settings_, step, learning_rate, gradient_scale, decays);
    const at::Tensor gradient = gradients.segment(segment);
    float* const w = weights(segment);
    float* const m = first_moment_.mutable_data_ptr<float>() + segment.owned_offset;
    float* const v = second_moment_.mutable_data_ptr<float>() + segment.owned_offset;
    nn::dispatch(gradient, [&]<class T>(T) {
      const T* const g = gradient.const_data_ptr<T>();
      at::parallel_for(0, segment.count, kGrain, [&](std::int64_t begin, std::int64_t end) {
        adam_chunk(w + begin, g + begin, m + begin, v + begin, end - begin, c);
      });
    });
    if (average_.defined()) {
      const at::Tensor current = at::from_blob(w, {segment.count}, at::kFloat);
      average_.narrow(0, segment.owned_offset, segment.count).lerp_(current, 1 - settings_.ema_decay);
    }
  }
  publish();
}

void ShardedAdam::write_owned(std::size_t unit, const at::Tensor& values) const {
  if (!master_.defined()) return;
  const nn::ParameterUnit& which = parameters_.units().at(unit);
  const std::int64_t begin = parameters_.offset(which.first);
  for (const Segment& segment : layout_.segments()) {
    if (segment.parameter < which.first || segment.parameter >= which.last) continue;
    values.narrow(0, segment.buffer_offset - begin, segment.count)
        .copy_(master_.narrow(0, segment.owned_offset, segment.count));
  }
}

void ShardedAdam::publish() {
  write_owned(0, parameters_.buffer());
  for_each_part(parameters_, layout_, 0,
                [this](std::span<std::byte> all, std::span<const std::int64_t> counts) {
                  groups_.shard.all_gather_parts(all, counts);
                });
}

std::int64_t ShardedAdam::held_bytes() const {
  std::int64_t elements = first_moment_.numel() + second_moment_.numel();
  for (const at::Tensor& each : {master_, average_}) elements += each.defined() ? each.numel() : 0;
  return elements * static_cast<std::int64_t>(sizeof(float));
}

std::vector<ckpt::Piece> ShardedAdam::pieces() const {
  std::vector<ckpt::Piece> pieces;
  for (const Segment& segment : layout_.segments()) {
    const nn::Parameter& parameter = parameters_.all()[segment.parameter];
    if (!stands_for_replicas(parameter.placement, groups_)) continue;
    const auto add = [&](const char* kind, const float* values) {
      pieces.push_back(
          {kind,
           parameter.name,
           parameter.placement.global_shape,
           segment.begin,
           {values, static_cast<std::size_t>(segment.count)},
           parameter.placement.cut ? std::optional(parameter.placement.cut->stripe) : std::nullopt});
    };
    add(ckpt::kWeights, weights(segment));
    add(ckpt::kFirstMoment, first_moment_.const_data_ptr<float>() + segment.owned_offset);
    add(ckpt::kSecondMoment, second_moment_.const_data_ptr<float>() + segment.owned_offset);
    if (average_.defined())
      add(ckpt::kMovingAverage, average_.const_data_ptr<float>() + segment.owned_offset);
  }
  return pieces;
}

}  // namespace dfm::train
