// Parameters of awkward sizes: no bucket of them divides evenly among the ranks. With gradients to give them.
#pragma once

#include "ckpt/pieces.h"
#include "nn/parameter.h"
#include "support/tensors.h"

namespace dfm::train {

inline const std::vector<Shape> kOddShapes{{5, 7}, {3}, {1}, {33, 1}, {2, 31}, {64}, {9, 11, 3}, {130}};

inline nn::ParameterList odd_parameters(at::ScalarType dtype = at::kFloat) {
  nn::ParameterList parameters;
  for (std::size_t i = 0; i < kOddShapes.size(); ++i) {
    parameters.declare("p" + std::to_string(i), {kOddShapes[i]}, nn::Init::normal(0.5));
  }
  parameters.materialize(dtype);
  return parameters;
}

inline std::vector<at::Tensor> random_gradients(dfm::testing::Normals& normals) {
  std::vector<at::Tensor> gradients;
  for (const Shape& shape : kOddShapes) gradients.push_back(normals(shape));
  return gradients;
}

// As a backward leaves them.
inline void set_gradients(const nn::ParameterList& parameters, const std::vector<at::Tensor>& gradients) {
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const at::Tensor& value = parameters.all()[i].value;
    value.mutable_grad() = gradients[i].to(value.scalar_type(), false, true);
  }
}

// One kind of state, whole parameters by name, put together from pieces: zero where there is none.
inline at::Tensor from_pieces(const std::vector<ckpt::Piece>& pieces, const std::string& kind,
                              const std::string& parameter) {
  at::Tensor whole;
  for (const ckpt::Piece& piece : pieces) {
    if (piece.kind != kind || piece.parameter != parameter) continue;
    if (!whole.defined()) whole = at::zeros({element_count(piece.global_shape)}, at::kFloat);
    std::copy(piece.values.begin(), piece.values.end(), whole.mutable_data_ptr<float>() + piece.begin);
  }
  return whole;
}

}  // namespace dfm::train
