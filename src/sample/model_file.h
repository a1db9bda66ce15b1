// A model for sampling, from one consolidated file that carries its configuration: nothing else is needed.
#pragma once

#include <filesystem>
#include <string>

#include "config/config.h"
#include "diffusion/objective.h"
#include "encoders/encoder_settings.h"
#include "model/backbone.h"

namespace dfm::sample {

struct SamplingModel {
  nn::ParameterList parameters;
  model::Backbone network;
  diffusion::ObjectiveKind objective = diffusion::ObjectiveKind::edm;
  double sigma_data = 0.5;
  std::int64_t text_width = 0, hidden_size = 0;
  encoders::EncoderSettings encoders;  // as in training
  std::string fingerprint;             // of weights and configuration
};

// dtype, device: what to compute in and on. Throws a data error for a file that is not such weights, or that
// lacks some.
SamplingModel load_model(const std::filesystem::path& path, at::ScalarType dtype,
                         const at::Device& device = at::kCPU);

}  // namespace dfm::sample
