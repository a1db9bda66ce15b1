#include "data/loader/step_reader.h"

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
      order_(source_.samples_in_shard, source_.blend, settings_.order) {}

PlannedStep StepReader::plan(std::int64_t first) {
  PlannedStep step;
  std::vector<std::int64_t> samples, tokens;
  for (std::int64_t position = first; position < first + settings_.global_batch_size; ++position) {
    samples.push_back(order_.sample_at(position));
    const SampleShape shape = source_.shape(samples.back());
    // Reading a sample without a known shape fails, and then it is left out.
    tokens.push_back(shape.is_known() ? settings_.tokens_of(shape) : 1);
    require_room(tokens.back(), settings_.pack_capacity);
    step.planned_tokens += tokens.back();
  }
  const StepPlan plan = settings_.plan(tokens, settings_.pack_capacity, settings_.ranks);
  for (const Pack& pack : plan[settings_.rank]) {
    for (const std::size_t index : pack) {
      step.samples.push_back({first + static_cast<std::int64_t>(index), samples[index], step.packs});
    }
    ++step.packs;
  }
  return step;
}

ReadSample StepReader::read(const PlannedSample& planned) const {
  if (quarantine_->holds(planned.number)) return {};
  try {
    return PositionedSample{planned.position, source_.read(planned.number), planned.number};
  } catch (const Error& error) {
    return BadSample{planned.position, planned.number, error.what()};
  }
}

StepBatch StepReader::batch_of(const PlannedStep& step, std::vector<ReadSample> samples) const {
  StepBatch batch;
  batch.planned_tokens = step.planned_tokens;
  batch.packs.resize(step.packs);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (quarantine_->holds(step.samples[i].number)) continue;
    if (auto* const good = std::get_if<PositionedSample>(&samples[i])) {
      batch.packs[step.samples[i].pack].push_back(std::move(*good));
    } else if (auto* const bad = std::get_if<BadSample>(&samples[i])) {
      batch.bad.push_back(std::move(*bad));
    }
  }
  std::erase_if(batch.packs, [](const auto& pack) { return pack.empty(); });
  return batch;
}

StepBatch StepReader::read(std::int64_t first) {
  const PlannedStep step = plan(first);
  std::vector<ReadSample> samples;
  for (const PlannedSample& planned : step.samples) samples.push_back(read(planned));
  return batch_of(step, std::move(samples));
}

}  // namespace dfm::data
