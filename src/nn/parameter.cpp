#include "nn/parameter.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "core/error.h"
#include "core/philox.h"
#include "nn/untouched_memory.h"

namespace dfm::nn {

Init Init::linear_default(std::int64_t fan_in) {
  return {Kind::uniform, 1.0 / std::sqrt(static_cast<double>(fan_in))};
}

at::Tensor ParameterList::declare(std::string name, Placement placement, Init init) {
  ensure(!buffer_.defined(), "parameters are declared before they are materialized");
  ensure(std::ranges::find(parameters_, name, &Parameter::name) == parameters_.end(),
         "a parameter is declared twice");
  Parameter parameter{std::move(name), std::move(placement), init, at::empty({0})};
  const std::int64_t padded = (parameter.count() + kAlignment - 1) / kAlignment * kAlignment;
  offsets_.push_back(offsets_.back() + padded);
  parameters_.push_back(std::move(parameter));
  return parameters_.back().value;
}

void ParameterList::materialize(at::ScalarType dtype) {
  buffer_ = untouched_zeros(padded_count(), dtype);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Parameter& parameter = parameters_[i];
    const at::Tensor slice =
        buffer_.narrow(0, offsets_[i], parameter.count()).view(parameter.placement.global_shape);
    // The handle that the modules hold becomes this slice of the buffer.
    parameter.value.unsafeGetTensorImpl()->shallow_copy_from(slice.getIntrusivePtr());
    parameter.value.requires_grad_(true);
  }
}

std::int64_t ParameterList::total_count() const {
  std::int64_t total = 0;
  for (const Parameter& parameter : parameters_) total += parameter.count();
  return total;
}

const Parameter& ParameterList::find(const std::string& name) const {
  const auto found = std::ranges::find(parameters_, name, &Parameter::name);
  if (found == parameters_.end()) throw internal_error(fmt::format("there is no parameter {}", name));
  return *found;
}

void initial_values(const Parameter& parameter, std::uint64_t seed, std::int64_t first,
                    std::span<float> out) {
  const auto scale = static_cast<float>(parameter.init.scale);
  const Philox random(seed, Stream::weights, name_key(parameter.name));
  switch (parameter.init.kind) {
    case Init::Kind::zeros:
      std::ranges::fill(out, 0.0F);
      return;
    case Init::Kind::ones:
      std::ranges::fill(out, 1.0F);
      return;
    case Init::Kind::normal:
      random.normals(static_cast<std::uint64_t>(first), out);
      for (float& value : out) value *= scale;
      return;
    case Init::Kind::uniform:
      for (std::size_t i = 0; i < out.size(); ++i) {
        out[i] = scale * static_cast<float>(2 * random.uniform(static_cast<std::uint64_t>(first) + i) - 1);
      }
      return;
  }
}

void ParameterList::initialize(std::uint64_t seed) {
  static constexpr std::int64_t kGrain = 1 << 15;
  for (const Parameter& parameter : parameters_) {
    at::parallel_for(0, parameter.count(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      std::vector<float> values(static_cast<std::size_t>(end - begin));
      initial_values(parameter, seed, begin, values);
      const at::Tensor source = at::from_blob(values.data(), {end - begin}, at::kFloat);
      parameter.value.detach().view(-1).narrow(0, begin, end - begin).copy_(source);
    });
  }
}

}  // namespace dfm::nn
