// Parameters with their placement: what a tensor is globally, how it starts, and over which ranks its
// gradient is still a partial sum after backward. One reducer (train/gradients.h) reads the placement;
// nothing else knows.
//
//   ParameterList parameters;
//   at::Tensor weight = Scope(parameters, "decoder").declare("mlp.weight", {4 * h, h}, Init::normal(0.02));
//   parameters.materialize(at::kFloat);       // until now nothing was allocated
//   parameters.initialize(seed);
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/array.h"
#include "nn/torch_header.h"

namespace dfm::nn {

// How the elements start. Values depend on seed, parameter name and global element index only.
struct Init {
  enum class Kind { zeros, ones, normal, uniform };
  Kind kind = Kind::zeros;
  double scale = 0;  // standard deviation, or bound of the uniform distribution

  static Init zeros() { return {Kind::zeros, 0}; }
  static Init ones() { return {Kind::ones, 0}; }
  static Init normal(double standard_deviation) { return {Kind::normal, standard_deviation}; }
  // The default of torch.nn.Linear: U(-1/sqrt(fan_in), 1/sqrt(fan_in)).
  static Init linear_default(std::int64_t fan_in);
};

// Gradients are always partial over data and context parallel ranks; these are the dimensions that may come
// on top (design section 5).
struct Placement {
  Shape global_shape;
  bool partial_over_tensor = false;    // acts on local heads or on a slice of the sequence only
  bool partial_over_pipeline = false;  // replicated over the stages, as conditioning embedders are
};

struct Parameter {
  std::string name;
  Placement placement;
  Init init;
  at::Tensor value;  // empty until materialized; the modules hold the same tensor

  std::int64_t count() const { return element_count(placement.global_shape); }
  // Matrices decay; biases and norms do not (spec/dfm.md section 9.1).
  bool decays() const { return placement.global_shape.size() > 1; }
};

class ParameterList {
 public:
  ParameterList() = default;
  ParameterList(ParameterList&&) = default;
  ParameterList& operator=(ParameterList&&) = default;
  ParameterList(const ParameterList&) = delete;
  ParameterList& operator=(const ParameterList&) = delete;

  // Returns a placeholder that becomes the parameter's value when the list is materialized.
  at::Tensor declare(std::string name, Placement placement, Init init);

  // Allocates all values in one buffer, each aligned to kAlignment elements, zero-filled, requiring
  // gradients.
  void materialize(at::ScalarType dtype);

  // Fills the values as their Init says.
  void initialize(std::uint64_t seed);

  const std::vector<Parameter>& all() const { return parameters_; }
  std::int64_t total_count() const;  // elements, without the padding
  const Parameter& find(const std::string& name) const;

  // The buffer that holds all values, and where each begins in it.
  const at::Tensor& buffer() const { return buffer_; }
  std::int64_t offset(std::size_t index) const { return offsets_[index]; }
  std::int64_t padded_count() const { return offsets_.empty() ? 0 : offsets_.back(); }

  static constexpr std::int64_t kAlignment = 32;

 private:
  std::vector<Parameter> parameters_;
  std::vector<std::int64_t> offsets_{0};  // one more than parameters
  at::Tensor buffer_;
};

// out[i] = initial value of element first + i.
void initial_values(const Parameter& parameter, std::uint64_t seed, std::int64_t first, std::span<float> out);

// Declares parameters under a dotted prefix.
class Scope {
 public:
  explicit Scope(ParameterList& list, std::string prefix = "") : list_(&list), prefix_(std::move(prefix)) {}

  Scope child(const std::string& name) const { return Scope(*list_, qualified(name)); }
  at::Tensor declare(const std::string& name, Shape shape, Init init) const {
    return list_->declare(qualified(name), {std::move(shape)}, init);
  }

 private:
  std::string qualified(const std::string& name) const {
    return prefix_.empty() ? name : prefix_ + "." + name;
  }

  ParameterList* list_;
  std::string prefix_;
};

}  // namespace dfm::nn
