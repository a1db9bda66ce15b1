#include "data/loader/step_reader.h"

#include <algorithm>
#include <numeric>

#include <fmt/core.h>

#include "core/error.h"
#include "data/tensor/spare_buffers.h"

namespace dfm::data {
namespace {

void require_room(std::int64_t tokens, std::int64_t capacity) {
  if (tokens <= capacity) return;
  throw data_error(
      fmt::format("a sample has {} tokens, more than a pack of {} holds", tokens, capacity),
      fmt::format("give dataset.task_encoder_seq_length={} or more, or prepare smaller samples", tokens));
}

// Frames, height and width in one number.
std::int64_t bucket_of(const SampleShape& shape) {
  if (!shape.is_known()) return 0;
  constexpr std::int64_t kMost = 1 << 20;
  return (std::min<std::int64_t>(shape.frames, kMost) * kMost + std::min<std::int64_t>(shape.height, kMost)) *
             kMost +
         std::min<std::int64_t>(shape.width, kMost);
}

// What is not known costs nothing: it is left out.
std::function<double(const SampleShape&)> known_cost(const StepReaderSettings& settings) {
  return [tokens = settings.tokens_of, cost = settings.cost_of](const SampleShape& shape) {
    if (!shape.is_known()) return 0.0;
    return cost ? cost(shape) : static_cast<double>(tokens(shape));
  };
}

}  // namespace

void give_back(StepBatch batch) {
  for (auto& pack : batch.packs) {
    for (PositionedSample& each : pack) {
      give_back(std::move(each.sample.latent));
      give_back(std::move(each.sample.text));
    }
  }
}

StepReader::StepReader(SampleSource source, StepReaderSettings settings)
    : source_(std::move(source)),
      settings_(std::move(settings)),
      cost_of_(known_cost(settings_)),
      order_(source_.samples_in_shard, source_.blend, settings_.order) {
  if (settings_.batching == Batching::buckets) {
    bucket_order_.emplace(order_, BucketSettings{settings_.bucket_window, settings_.global_batch_size},
                          [shape = source_.shape](std::int64_t sample) { return bucket_of(shape(sample)); });
  } else if (settings_.balance_window > 0) {
    balanced_order_.emplace(
        order_, settings_.balance_window,
        [shape = source_.shape, cost = cost_of_](std::int64_t sample) { return cost(shape(sample)); });
  }
}

std::int64_t StepReader::sample_at(std::int64_t position) {
  if (bucket_order_) return bucket_order_->sample_at(position);
  return balanced_order_ ? balanced_order_->sample_at(position) : order_.sample_at(position);
}

std::int64_t StepReader::class_of(const SampleShape& shape, std::int64_t tokens) const {
  if (settings_.batching == Batching::buckets) return bucket_of(shape);
  return shape.is_known() ? tokens : 0;
}

StepReader::Looked StepReader::look_at(std::int64_t first) {
  Looked step;
  for (std::int64_t position = first; position < first + settings_.global_batch_size; ++position) {
    step.samples.push_back(sample_at(position));
    const SampleShape shape = source_.shape(step.samples.back());
    // Reading a sample without a known shape fails, and then it is left out.
    const std::int64_t tokens = shape.is_known() ? settings_.tokens_of(shape) : 1;
    require_room(tokens, settings_.pack_capacity);
    step.sizes.tokens.push_back(tokens);
    step.sizes.costs.push_back(cost_of_(shape));
    step.classes.push_back(class_of(shape, tokens));
  }
  return step;
}

StepPlan StepReader::divide(const Looked& step) const {
  if (settings_.batching == Batching::packed)
    return settings_.plan(step.sizes, settings_.pack_capacity, settings_.ranks);
  return plan_by_class(step.sizes.costs, step.classes, static_cast<std::size_t>(settings_.batch_samples),
                       settings_.ranks);
}

PlannedStep StepReader::plan(std::int64_t first) {
  const Looked looked = look_at(first);
  const StepPlan plan = divide(looked);
  PlannedStep step;
  step.planned_tokens =
      std::accumulate(looked.sizes.tokens.begin(), looked.sizes.tokens.end(), std::int64_t{0});
  step.fill =
      settings_.batching == Batching::packed
          ? fill_ratio(plan, looked.sizes.tokens, settings_.pack_capacity)
          : fill_ratio(plan, std::vector<std::int64_t>(looked.samples.size(), 1), settings_.batch_samples);
  step.imbalance = imbalance(plan, looked.sizes.costs);
  for (const Pack& pack : plan[settings_.rank]) {
    for (const std::size_t index : pack) {
      step.samples.push_back({first + static_cast<std::int64_t>(index), looked.samples[index], step.packs});
    }
    ++step.packs;
  }
  return step;
}

ReadSample StepReader::read(const PlannedSample& planned) const {
  if (quarantine_->holds(planned.number)) return {};
  try {
    std::optional<Sample> sample = source_.read(planned.number);
    if (!sample) return {};
    return PositionedSample{planned.position, std::move(*sample), planned.number};
  } catch (const Error& error) {
    return BadSample{planned.position, planned.number, error.what()};
  }
}

StepBatch StepReader::batch_of(const PlannedStep& step, std::vector<ReadSample> samples) const {
  StepBatch batch;
  batch.planned_tokens = step.planned_tokens;
  batch.fill = step.fill;
  batch.imbalance = step.imbalance;
  batch.packs.resize(step.packs);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (quarantine_->holds(step.samples[i].number)) continue;
    if (auto* const good = std::get_if<PositionedSample>(&samples[i])) {
      batch.packs[step.samples[i].pack].push_back(std::move(*good));
    } else if (auto* const bad = std::get_if<BadSample>(&samples[i])) {
      batch.bad.push_back(std::move(*bad));
    } else {
      ++batch.unwanted;
    }
  }
  std::erase_if(batch.packs, [](const auto& pack) { return pack.empty(); });
  return batch;
}

}  // namespace dfm::data
