#include "train/adam.h"

#include <cmath>

#include "core/stop_token.h"
#include "nn/host_copy.h"
#include "nn/tensor_collectives.h"
#include "nn/untouched_memory.h"
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

// Of a rank's own storage.
at::Tensor part_of(const at::Tensor& owned, const Segment& segment) {
  return owned.narrow(0, segment.owned_offset, segment.count);
}

}  // namespace

AdamSettings adam_settings(const Config& config) {
  return {config.real("optimizer.adam_beta1"), config.real("optimizer.adam_beta2"),
          config.real("optimizer.adam_eps"), config.real("optimizer.weight_decay"),
          config.real("train.ema_decay")};
}

ShardedAdam::ShardedAdam(const nn::ParameterList& parameters, const ShardLayout& layout,
                         const comm::GridGroups& groups, const AdamSettings& settings)
    : parameters_(parameters), layout_(layout), groups_(groups), settings_(settings) {
  const auto state = [&] {
    return nn::untouched_zeros(layout.owned_count(), at::kFloat, parameters.device());
  };
  const bool are_master = parameters.buffer().scalar_type() == at::kFloat && parameters.units().size() == 1;
  if (!are_master) master_ = state();
  first_moment_ = state();
  second_moment_ = state();
  if (settings.ema_decay > 0) average_ = state();
}

at::Tensor ShardedAdam::weights(const Segment& segment) const {
  if (master_.defined()) return part_of(master_, segment);
  return parameters_.buffer().narrow(0, segment.buffer_offset, segment.count);
}

void ShardedAdam::initialize(std::uint64_t seed) {
  begin_owned([seed](const nn::Parameter& parameter, std::int64_t first, std::span<float> out) {
    at::parallel_for(
        0, static_cast<std::int64_t>(out.size()), kGrain, [&](std::int64_t begin, std::int64_t end) {
          nn::initial_values(
              parameter, seed, first + begin,
              out.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)));
        });
  });
  publish();
}

void ShardedAdam::begin_owned(const StartingValues& values) {
  for (const Segment& segment : layout_.segments()) {
    StopToken::throw_if_requested();
    nn::fill(weights(segment), [&](std::int64_t first, std::span<float> out) {
      values(parameters_.all()[segment.parameter], segment.begin + first, out);
    });
  }
  begin_average();
}

void ShardedAdam::read(ckpt::PieceReader& reader, const char* kind, const Segment& segment,
                       const at::Tensor& target) {
  const nn::Parameter& parameter = parameters_.all()[segment.parameter];
  const nn::Placement& placement = parameter.placement;
  nn::fill(target, [&](std::int64_t first, std::span<float> out) {
    reader.read(kind, parameter.name, {placement.global_shape, placement.stripe(), segment.begin + first},
                out);
  });
}

// In the order in which they are saved, so that files are read front to back.
void ShardedAdam::read_weights_and_moments(ckpt::PieceReader& reader, const Segment& segment) {
  StopToken::throw_if_requested();
  read(reader, ckpt::kWeights, segment, weights(segment));
  read(reader, ckpt::kFirstMoment, segment, part_of(first_moment_, segment));
  read(reader, ckpt::kSecondMoment, segment, part_of(second_moment_, segment));
}

void ShardedAdam::load_owned(ckpt::PieceReader& reader) {
  for (const Segment& segment : layout_.segments()) {
    read_weights_and_moments(reader, segment);
    if (average_.defined()) read(reader, ckpt::kMovingAverage, segment, part_of(average_, segment));
  }
}

void ShardedAdam::load_owned_without_average(ckpt::PieceReader& reader) {
  for (const Segment& segment : layout_.segments()) read_weights_and_moments(reader, segment);
  begin_average();
}

void ShardedAdam::begin_average() {
  if (!average_.defined()) return;
  for (const Segment& segment : layout_.segments()) part_of(average_, segment).copy_(weights(segment));
}

// bfloat16 parameters are written beside their master weights, but for those that come and go.
std::vector<AdamSegment> ShardedAdam::segments_with(const Gradients& gradients) const {
  const bool publishes = master_.defined() && parameters_.units().size() == 1;
  std::vector<AdamSegment> segments;
  for (const Segment& each : layout_.segments()) {
    segments.push_back({.weights = weights(each),
                        .gradient = gradients.segment(each),
                        .first_moment = part_of(first_moment_, each),
                        .second_moment = part_of(second_moment_, each),
                        .average = average_.defined() ? part_of(average_, each) : at::Tensor(),
                        .published = publishes
                                         ? parameters_.buffer().narrow(0, each.buffer_offset, each.count)
                                         : at::Tensor(),
                        .decays = parameters_.all()[each.parameter].decays()});
  }
  return segments;
}

void ShardedAdam::update(const Gradients& gradients, std::int64_t step, double learning_rate,
                         double gradient_scale) {
  const at::Tensor scale = at::full({}, gradient_scale, parameters_.buffer().options().dtype(at::kFloat));
  update_by_adam(segments_with(gradients), adam_step(settings_, step, learning_rate), scale);
  if (parameters_.units().size() > 1) write_owned(0, parameters_.buffer());
  gather_first_unit();
}

void ShardedAdam::write_owned(std::size_t unit, const at::Tensor& values) const {
  if (!master_.defined()) return;
  const nn::ParameterUnit& which = parameters_.units().at(unit);
  const std::int64_t begin = parameters_.offset(which.first);
  for (const Segment& segment : layout_.segments()) {
    if (segment.parameter < which.first || segment.parameter >= which.last) continue;
    values.narrow(0, segment.buffer_offset - begin, segment.count).copy_(part_of(master_, segment));
  }
}

void ShardedAdam::publish() {
  write_owned(0, parameters_.buffer());
  gather_first_unit();
}

void ShardedAdam::gather_first_unit() {
  for_each_part(
      parameters_, layout_, 0,
      [this](const nn::Placement& placement, const at::Tensor& all, const std::vector<std::int64_t>& counts) {
        nn::raw::all_gather_parts(all, counts, shard_of(placement, groups_));
      });
}

std::int64_t ShardedAdam::held_bytes() const {
  std::int64_t elements = first_moment_.numel() + second_moment_.numel();
  for (const at::Tensor& each : {master_, average_}) elements += each.defined() ? each.numel() : 0;
  return elements * static_cast<std::int64_t>(sizeof(float));
}

namespace {

// Shows values on the CPU; of a device, what the copier brings from there.
void show(ckpt::Piece& piece, const at::Tensor& values, const std::shared_ptr<nn::DeviceCopier>& copier) {
  if (copier == nullptr) {
    piece.values = nn::floats_of(values);
  } else {
    piece.distant = {static_cast<std::size_t>(values.numel()),
                     [copier, values](std::span<float> out) { copier->copy(values, out); }};
  }
}

}  // namespace

std::vector<ckpt::Piece> ShardedAdam::pieces() const {
  const at::Device device = parameters_.device();
  const auto copier = device.is_cpu() ? nullptr : std::make_shared<nn::DeviceCopier>(device);
  std::vector<ckpt::Piece> pieces;
  for (const Segment& segment : layout_.segments()) {
    const auto& [name, placement, init, value] = parameters_.all()[segment.parameter];
    if (!stands_for_replicas(placement, groups_)) continue;
    const auto stripe = placement.cut ? std::optional(placement.cut->stripe) : std::nullopt;
    const auto add = [&, &name = name, &placement = placement](const char* kind, const at::Tensor& values) {
      pieces.push_back({kind, name, placement.global_shape, segment.begin, {}, stripe});
      show(pieces.back(), values, copier);
    };
    add(ckpt::kWeights, weights(segment));
    add(ckpt::kFirstMoment, part_of(first_moment_, segment));
    add(ckpt::kSecondMoment, part_of(second_moment_, segment));
    if (average_.defined()) add(ckpt::kMovingAverage, part_of(average_, segment));
  }
  return pieces;
}

}  // namespace dfm::train
