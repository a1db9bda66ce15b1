#include "train/adam.h"

#include <cmath>

#include "core/stop_token.h"
#include "nn/untouched_memory.h"
#include "train/optimizer_kernels.h"
#include "train/replicas.h"
#include "train/unit_gather.h"

namespace dfm::train {
namespace {

constexpr std::int64_t kGrain = 1 << 14;

AdamStep adam_step(const AdamSettings& settings, std::int64_t step, double learning_rate) {
  const auto n = static_cast<double>(step);
  return {.beta1 = settings.beta1,
          .beta2 = settings.beta2,
          .epsilon = settings.epsilon,
          .rate = learning_rate / (1 - std::pow(settings.beta1, n)),
          .root_correction = 1 / std::sqrt(1 - std::pow(settings.beta2, n)),
          .decay = 1 - learning_rate * settings.weight_decay,
          .average_rate = 1 - settings.ema_decay};
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

at::Tensor ShardedAdam::weight_values(const Segment& segment) const {
  return master_.defined() ? master_.narrow(0, segment.owned_offset, segment.count)
                           : parameters_.buffer().narrow(0, segment.buffer_offset, segment.count);
}

void ShardedAdam::update(const Gradients& gradients, std::int64_t step, double learning_rate,
                         double gradient_scale) {
  std::vector<AdamSegment> segments;
  for (const Segment& segment : layout_.segments()) {
    const auto own = [&](const at::Tensor& state) {
      return state.defined() ? state.narrow(0, segment.owned_offset, segment.count) : at::Tensor();
    };
    segments.push_back({.weights = weight_values(segment),
                        .gradient = gradients.segment(segment),
                        .first_moment = own(first_moment_),
                        .second_moment = own(second_moment_),
                        .average = own(average_),
                        .published = {},
                        .decays = parameters_.all()[segment.parameter].decays()});
  }
  const at::Tensor scale = at::full({}, gradient_scale, parameters_.buffer().options().dtype(at::kFloat));
  update_by_adam(segments, adam_step(settings_, step, learning_rate), scale);
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
