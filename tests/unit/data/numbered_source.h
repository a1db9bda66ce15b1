// A source whose samples tell their numbers, and steps of it as a plain reader reads them.
#pragma once

#include <map>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "data/loader/data_order.h"
#include "data/loader/step_reader.h"

namespace dfm::data {

// 100 samples in three shards; sample i has 1 + i % 7 frames, holds its number, and is named after it.
inline SampleSource numbered_source() {
  SampleSource source;
  source.samples_in_shard = {50, 0, 50};
  source.text_width = 2;
  source.shape = [](std::int64_t i) {
    return SampleShape{1, static_cast<std::uint32_t>(1 + i % 7), 1, 1, 1};
  };
  source.read = [](std::int64_t i) {
    Sample sample{fmt::format("sample {}", i), make_array(DType::float32, {1, 1 + i % 7, 1, 1}),
                  make_array(DType::float32, {1, 2})};
    sample.latent.as<float>()[0] = static_cast<float>(i);
    return sample;
  };
  return source;
}

inline StepReaderSettings settings_of(std::size_t rank = 0, std::size_t ranks = 1) {
  StepReaderSettings settings;
  settings.order = {7, 8, 2};
  settings.global_batch_size = 13;
  settings.pack_capacity = 12;
  settings.tokens_of = [](const SampleShape& shape) { return std::int64_t{shape.frames}; };
  settings.rank = rank;
  settings.ranks = ranks;
  return settings;
}

// Without a thread: what others are compared with.
inline StepBatch read_step(StepReader& reader, std::int64_t first) {
  const PlannedStep step = reader.plan(first);
  std::vector<ReadSample> samples;
  for (const PlannedSample& planned : step.samples) samples.push_back(reader.read(planned));
  return reader.batch_of(step, std::move(samples));
}

inline StepBatch read_step(const SampleSource& source, const StepReaderSettings& settings,
                           std::int64_t first) {
  StepReader reader(source, settings);
  return read_step(reader, first);
}

using SamplesByPosition = std::map<std::int64_t, std::int64_t>;

inline SamplesByPosition samples_of(const StepBatch& batch) {
  SamplesByPosition samples;
  for (const auto& pack : batch.packs) {
    for (const PositionedSample& each : pack) {
      const bool is_new =
          samples.emplace(each.position, static_cast<std::int64_t>(each.sample.latent.as<float>()[0])).second;
      EXPECT_TRUE(is_new) << "position " << each.position << " comes twice";
    }
  }
  return samples;
}

inline SamplesByPosition expected_samples(std::int64_t first) {
  DataOrder order({50, 0, 50}, {7, 8, 2});
  SamplesByPosition samples;
  for (std::int64_t position = first; position < first + 13; ++position) {
    samples[position] = order.sample_at(position);
  }
  return samples;
}

// Samples whose number divides by 5 cannot be read.
inline SampleSource source_with_bad_samples() {
  SampleSource source = numbered_source();
  source.read = [good = source.read](std::int64_t i) {
    if (i % 5 == 0) throw data_error(fmt::format("sample {} is damaged", i));
    return good(i);
  };
  return source;
}

}  // namespace dfm::data
