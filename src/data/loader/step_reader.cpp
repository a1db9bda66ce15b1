#include "data/loader/step_reader.h"

#include <fmt/core.h>

#include "core/error.h"

namespace dfm::data {
namespace {

void require_room(std::int64_t tokens, std::int64_t capacity) {
  if (tokens <= capacity) return;
  throw data_error(
      fmt::format("a sample has {} tokens, more than a pack of {} holds", tokens, capacity),
      fmt::format("give dataset.task_encoder_seq_length={} or more, or prepare smaller samples", tokens));
}

}  // namespace

StepReader::StepReader(SampleSource source, StepReaderSettings settings)
    : source_(std::move(source)),
      settings_(std::move(settings)),
      order_(source_.samples_in_shard, source_.blend, settings_.order) {}

StepBatch StepReader::read(std::int64_t first) {
  StepBatch batch;
  std::vector<std::int64_t> samples, tokens;
  for (std::int64_t position = first; position < first + settings_.global_batch_size; ++position) {
    samples.push_back(order_.sample_at(position));
    const SampleShape shape = source_.shape(samples.back());
    // Reading a sample without a known shape fails, and then it is left out.
    tokens.push_back(shape.is_known() ? settings_.tokens_of(shape) : 1);
    require_room(tokens.back(), settings_.pack_capacity);
    batch.planned_tokens += tokens.back();
  }
  const StepPlan plan = settings_.plan(tokens, settings_.pack_capacity, settings_.ranks);
  for (const Pack& pack : plan[settings_.rank]) {
    std::vector<PositionedSample> read;
    for (const std::size_t index : pack) {
      const std::int64_t position = first + static_cast<std::int64_t>(index);
      try {
        read.push_back({position, source_.read(samples[index])});
      } catch (const Error& error) {
        batch.bad.push_back({position, error.what()});
      }
    }
    if (!read.empty()) batch.packs.push_back(std::move(read));
  }
  return batch;
}

PrefetchingReader::PrefetchingReader(StepReader reader)
    : reader_(std::make_unique<StepReader>(std::move(reader))) {}

void PrefetchingReader::start(std::int64_t first_position) {
  ahead_position_ = first_position;
  ahead_ = std::async(std::launch::async,
                      [reader = reader_.get(), first_position] { return reader->read(first_position); });
}

StepBatch PrefetchingReader::take(std::int64_t first_position) {
  const bool is_under_way = ahead_.valid() && ahead_position_ == first_position;
  if (!is_under_way) {
    if (ahead_.valid()) ahead_.wait();
    start(first_position);
  }
  StepBatch batch = ahead_.get();
  start(first_position + global_batch_size());
  return batch;
}

}  // namespace dfm::data
