// From the names of other programs to the weights of a model.
#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <tuple>

#include <fmt/core.h>

#include "ckpt/import/foreign.h"
#include "core/error.h"

namespace dfm::ckpt {
namespace {

constexpr std::array kNoWeights{"optimizer",
                                "optim",
                                "optimizers",
                                "optimizer_states",
                                "opt_param_scheduler",
                                "lr_scheduler",
                                "lr_schedulers",
                                "scheduler",
                                "rng_state",
                                "rng",
                                "loops",
                                "callbacks",
                                "rerun_state_machine_state",
                                "grad_scaler"};
constexpr std::array kModelDicts{"model", "module", "state_dict", "model_state_dict", "ema", "ema_model"};

std::string_view first_part(std::string_view name) { return name.substr(0, name.find('.')); }

bool is_no_weight(std::string_view name) {
  const std::string_view first = first_part(name.substr(0, name.find('/')));
  const bool is_other_state =
      std::ranges::find(kNoWeights, first) != kNoWeights.end() || first.starts_with("chained_");
  return is_other_state || name.find("_extra_state") != std::string_view::npos;
}

void put_aside(Source& source) {
  std::vector<SourceTensor> weights;
  for (SourceTensor& tensor : source.tensors) {
    if (is_no_weight(tensor.name)) {
      source.left_out.push_back(tensor.name);
    } else {
      weights.push_back(std::move(tensor));
    }
  }
  source.tensors = std::move(weights);
}

// A dict such as {"model": weights, "ema": weights}. Left as it is where something lies outside of such a
// dict.
void take_off_dicts(Source& source) {
  const bool all_inside = std::ranges::all_of(source.tensors, [](const SourceTensor& tensor) {
    return tensor.name.find('.') != std::string::npos &&
           std::ranges::find(kModelDicts, first_part(tensor.name)) != kModelDicts.end();
  });
  if (!all_inside) return;
  for (SourceTensor& tensor : source.tensors) {
    const std::string_view first = first_part(tensor.name);
    if (first.starts_with("ema")) tensor.kind = kMovingAverage;
    tensor.name.erase(0, first.size() + 1);
  }
}

constexpr std::array<std::string_view, 2> kStacks{"decoder.layers.", "encoder.layers."};

// Where the name of a stack goes on behind "layers."; 0 for any other name.
std::size_t end_of_stack_prefix(const std::string& name) {
  for (const std::string_view prefix : kStacks) {
    const bool is_longer = name.starts_with(prefix) && name.size() > prefix.size();
    if (is_longer && (name[prefix.size()] < '0' || name[prefix.size()] > '9')) return prefix.size();
  }
  return 0;
}

void divide_stack(const SourceTensor& stack, std::vector<SourceTensor>& layers) {
  const std::size_t split = end_of_stack_prefix(stack.name);
  const Shape shape(stack.shape.begin() + 1, stack.shape.end());
  const std::int64_t elements = element_count(shape);
  for (std::int64_t i = 0; i < stack.shape.front(); ++i) {
    SourceTensor layer{.kind = stack.kind, .dtype = stack.dtype, .shape = shape};
    layer.name = fmt::format("{}{}.{}", stack.name.substr(0, split), i, stack.name.substr(split));
    layer.read = [read = stack.read, first = i * elements](std::int64_t begin, std::span<std::byte> out) {
      read(first + begin, out);
    };
    layers.push_back(std::move(layer));
  }
}

constexpr std::int64_t kMostLayers = 4096;

void refuse_doubles(const Source& source) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const SourceTensor& tensor : source.tensors) {
    if (seen.emplace(tensor.kind, tensor.name).second) continue;
    throw data_error(fmt::format("{} is in the checkpoint twice, in two dicts", tensor.name),
                     "save the weights alone, without the dicts around them");
  }
}

}  // namespace

void divide_stacks(Source& source) {
  std::vector<SourceTensor> divided;
  for (SourceTensor& tensor : source.tensors) {
    const bool is_stack =
        !tensor.shape.empty() && tensor.shape.front() <= kMostLayers && end_of_stack_prefix(tensor.name) > 0;
    if (!is_stack) {
      divided.push_back(std::move(tensor));
      continue;
    }
    const std::size_t first = divided.size();
    divide_stack(tensor, divided);
    if (first == divided.size()) continue;
    divided[first].checks = tensor.checks;
    if (tensor.crc32) divided[first].checks.push_back(check_of(std::move(tensor)));
  }
  source.tensors = std::move(divided);
}

void sort_out(Source& source) {
  put_aside(source);
  take_off_dicts(source);
  std::ranges::sort(source.tensors, {}, [](const SourceTensor& t) { return std::tie(t.kind, t.name); });
  refuse_doubles(source);
}

}  // namespace dfm::ckpt
