// What DiT and MovieGen are conditioned on beside the text: the noise level and the frame rate, embedded
// alike (spec/dfm.md section 1.3).
#pragma once

#include "nn/linear.h"

namespace dfm::model {

// Linear, SiLU, Linear.
class ScalarEmbedder {
 public:
  ScalarEmbedder(const nn::Scope& scope, std::int64_t width);
  at::Tensor operator()(const at::Tensor& sinusoids) const;

 private:
  nn::Linear linear_1_, linear_2_;
};

class TimeEmbedder {
 public:
  TimeEmbedder(nn::ParameterList& parameters, std::int64_t width);
  // noise_level [n] -> [n, width].
  at::Tensor operator()(const at::Tensor& noise_level, at::ScalarType dtype) const;

 private:
  std::int64_t width_;
  ScalarEmbedder t_embedder_, fps_embedder_;
};

}  // namespace dfm::model
