#include "nn/parameter.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <string_view>
#include <tuple>

#include <fmt/core.h>

#include "core/error.h"
#include "core/philox.h"
#include "nn/untouched_memory.h"

namespace dfm::nn {

Init Init::linear_default(std::int64_t fan_in) {
  return {Kind::uniform, 1.0 / std::sqrt(static_cast<double>(fan_in))};
}

std::optional<std::size_t> block_of(const std::string& parameter_name) {
  static constexpr std::string_view kBlocks = "decoder.layers.";
  if (!parameter_name.starts_with(kBlocks)) return std::nullopt;
  std::size_t block = 0;
  const char* const begin = parameter_name.data() + kBlocks.size();
  const char* const end = parameter_name.data() + parameter_name.size();
  const auto [rest, error] = std::from_chars(begin, end, block);
  return error == std::errc() && rest != end && *rest == '.' ? std::optional(block) : std::nullopt;
}

at::Tensor ParameterList::declare(std::string name, Placement placement, Init init) {
  ensure(!buffer().defined(), "parameters are declared before they are materialized");
  ensure(std::ranges::find(parameters_, name, &Parameter::name) == parameters_.end(),
         "a parameter is declared twice");
  if (parallel_.tensor_ranks() > 1 && !placement.cut) placement.partial_over_tensor = true;
  parameters_.push_back({std::move(name), std::move(placement), init, at::empty({0})});
  place();
  units_.front().last = parameters_.size();
  return parameters_.back().value;
}

void ParameterList::place() {
  while (offsets_.size() <= parameters_.size()) {
    const std::int64_t count = parameters_[offsets_.size() - 1].count();
    offsets_.push_back(offsets_.back() + (count + kAlignment - 1) / kAlignment * kAlignment);
  }
}

namespace {

// None: in the unit of what is outside of blocks.
std::optional<std::size_t> block_in(Memory memory, const Parameter& parameter) {
  return memory == Memory::by_block ? block_of(parameter.name) : std::nullopt;
}

}  // namespace

void ParameterList::sort(Memory memory) {
  std::ranges::stable_sort(parameters_, std::less<>(), [memory](const Parameter& each) {
    return std::tuple(block_in(memory, each), !each.placement.partial_over_pipeline,
                      !each.placement.partial_over_tensor, each.placement.is_of_expert);
  });
  offsets_.resize(1);
  place();
}

void ParameterList::divide_into_units(Memory memory) {
  units_.clear();
  units_.push_back({});
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto block = block_in(memory, parameters_[i]);
    if (block != units_.back().block) units_.push_back({.first = i, .block = block});
    units_.back().last = i + 1;
  }
}

void ParameterList::arrange(Memory memory) {
  sort(memory);
  divide_into_units(memory);
}

namespace {

at::Tensor without_memory(std::int64_t count, at::ScalarType dtype, const at::Device& device) {
  const auto options = at::TensorOptions().dtype(dtype).device(device);
  return at::for_blob(nullptr, {count}).options(options).target_device(device).make_tensor();
}

}  // namespace

void ParameterList::materialize(at::ScalarType dtype, Memory memory, const at::Device& device) {
  arrange(memory);
  for (ParameterUnit& unit : units_) {
    const std::int64_t count = offsets_[unit.last] - offsets_[unit.first];
    const bool is_held = &unit == &units_.front();
    unit.buffer = is_held ? untouched_zeros(count, dtype, device) : without_memory(count, dtype, device);
    bind(unit);
  }
}

void ParameterList::bind(const ParameterUnit& unit) {
  for (std::size_t i = unit.first; i < unit.last; ++i) {
    const Parameter& parameter = parameters_[i];
    const at::Tensor slice = unit.buffer.narrow(0, offsets_[i] - offsets_[unit.first], parameter.count())
                                 .view(parameter.placement.shape());
    // The handle that the modules hold becomes this slice of the buffer.
    parameter.value.unsafeGetTensorImpl()->shallow_copy_from(slice.getIntrusivePtr());
    parameter.value.requires_grad_(true);
  }
}

const ParameterUnit& ParameterList::unit_of(std::size_t parameter) const {
  return *std::ranges::find_if(units_,
                               [parameter](const ParameterUnit& unit) { return parameter < unit.last; });
}

std::size_t ParameterList::unit_of_block(std::size_t block) const {
  const auto found = std::ranges::find(units_, std::optional(block), &ParameterUnit::block);
  ensure(found != units_.end(), "a block is asked for that is not on this rank");
  return static_cast<std::size_t>(found - units_.begin());
}

void ParameterList::attach(std::size_t unit, std::byte* memory) const {
  units_.at(unit).buffer.storage().set_data_ptr_noswap(at::DataPtr(memory, device()));
}

std::int64_t ParameterList::total_count() const {
  std::int64_t total = 0;
  for (const Parameter& parameter : parameters_) total += parameter.global_count();
  return total;
}

const Parameter& ParameterList::find(const std::string& name) const {
  const auto found = std::ranges::find(parameters_, name, &Parameter::name);
  if (found == parameters_.end()) throw internal_error(fmt::format("there is no parameter {}", name));
  return *found;
}

namespace {

// Of neighbours in the whole tensor, from element `first` of it on.
void fill_run(const Parameter& parameter, const Philox& random, std::uint64_t first, std::span<float> out) {
  const auto scale = static_cast<float>(parameter.init.scale);
  switch (parameter.init.kind) {
    case Init::Kind::zeros:
      std::ranges::fill(out, 0.0F);
      return;
    case Init::Kind::ones:
      std::ranges::fill(out, 1.0F);
      return;
    case Init::Kind::normal:
      random.normals(first, out);
      for (float& value : out) value *= scale;
      return;
    case Init::Kind::uniform:
      for (std::size_t i = 0; i < out.size(); ++i) {
        out[i] = scale * static_cast<float>(2 * random.uniform(first + i) - 1);
      }
      return;
  }
}

}  // namespace

void initial_values(const Parameter& parameter, std::uint64_t seed, std::int64_t first,
                    std::span<float> out) {
  const Philox random(seed, Stream::weights, name_key(parameter.name));
  for_each_run(parameter.placement.stripe(), first, static_cast<std::int64_t>(out.size()),
               [&](std::int64_t global, std::int64_t done, std::int64_t length) {
                 fill_run(parameter, random, static_cast<std::uint64_t>(global),
                          out.subspan(static_cast<std::size_t>(done), static_cast<std::size_t>(length)));
               });
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
