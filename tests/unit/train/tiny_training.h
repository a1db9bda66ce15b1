// A training run that takes milliseconds a step: a DiT with all its parts at work, and made-up samples of
// different sizes.
#pragma once

#include "core/philox.h"
#include "model/patchify.h"
#include "train/trainer.h"
#include "unit/model/small_dit.h"

namespace dfm::train {

inline constexpr std::int64_t kTinyBatch = 7;  // samples

inline model::DitShape tiny_model() { return model::small_shape(32, 2); }

inline TrainerSettings tiny_settings(at::ScalarType dtype = at::kFloat) {
  TrainerSettings settings;
  settings.model = model::dit_spec(tiny_model());
  settings.schedule = {.peak = 1e-3, .warmup_steps = 0, .decay = Schedule::Decay::constant};
  settings.noise.seed = 5;
  settings.dtype = dtype;
  settings.clip_grad = 0;
  return settings;
}

// Sample i of 20, in [1, 12] tokens with 1 to 3 rows of text.
inline data::SampleShape tiny_shape(std::int64_t i) {
  const auto n = static_cast<std::uint32_t>(i);
  return {4, 1 + n % 2, 2 * (1 + n % 3), 2 * (1 + n / 3 % 2), 1 + n % 3};
}

inline Array philox_normals(std::int64_t i, std::uint64_t seed, const Shape& shape) {
  std::vector<float> values(static_cast<std::size_t>(element_count(shape)));
  Philox(seed, Stream::mock_data, static_cast<std::uint64_t>(i)).normals(0, values);
  return from_floats(values, shape, DType::float32);
}

inline data::SampleSource tiny_source() {
  data::SampleSource source;
  source.samples_in_shard = {12, 8};
  source.text_width = tiny_model().crossattn_emb_size;
  source.fingerprint = "tiny";
  source.shape = tiny_shape;
  source.read = [width = source.text_width](std::int64_t i) {
    const data::SampleShape shape = tiny_shape(i);
    return data::Sample{"sample " + std::to_string(i), philox_normals(i, 1, data::latent_shape(shape)),
                        philox_normals(i, 2, {shape.text_rows, width})};
  };
  return source;
}

inline data::StepReaderSettings tiny_reader_settings(const comm::Group& group) {
  data::StepReaderSettings settings;
  settings.order = {9, 4, 2};
  settings.global_batch_size = kTinyBatch;
  settings.pack_capacity = 16;
  settings.tokens_of = [patches = tiny_model().patches](const data::SampleShape& sample) {
    return model::patch_grid(data::latent_shape(sample), patches).tokens();
  };
  settings.rank = static_cast<std::size_t>(group.rank());
  settings.ranks = static_cast<std::size_t>(group.size());
  return settings;
}

inline data::PrefetchingReader reader(const data::SampleSource& source,
                                      const data::StepReaderSettings& settings) {
  return data::PrefetchingReader(data::StepReader(source, settings));
}

inline data::PrefetchingReader tiny_reader(const comm::GridGroups& groups) {
  return reader(tiny_source(), tiny_reader_settings(groups.data));
}

// Parameters that start at zero or one get noise, so that every gradient is there from the first step on.
// Only for float32, where the parameters are the master weights.
inline void disturb(const nn::ParameterList& parameters) {
  dfm::testing::Normals normals(7);
  for (const nn::Parameter& parameter : parameters.all()) {
    const at::Tensor noise = normals(parameter.placement.global_shape);
    if (parameter.init.kind == nn::Init::Kind::normal) continue;
    parameter.value.detach().add_(noise, 0.1);
  }
}

}  // namespace dfm::train
