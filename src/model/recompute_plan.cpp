#include "model/recompute_plan.h"

#include <algorithm>

#include <fmt/core.h>

#include "core/error.h"

namespace dfm::model {
namespace {

RecomputePlan selective(const std::vector<std::string>& modules) {
  RecomputePlan plan;
  for (const std::string& module : modules) {
    if (module == "core_attn") {
      plan.core_attention = true;
    } else if (module == "mlp") {
      plan.mlp = true;
    } else {
      throw usage_error(fmt::format("model.recompute_modules names '{}'", module),
                        "the modules are core_attn and mlp");
    }
  }
  if (modules.empty()) plan.core_attention = true;  // as in the reference
  return plan;
}

RecomputePlan uniform(std::int64_t layers, std::int64_t group) {
  RecomputePlan plan;
  for (std::int64_t left = layers; left > 0; left -= group) plan.groups.push_back(std::min(left, group));
  return plan;
}

RecomputePlan full(const Config& config) {
  const std::int64_t layers = config.integer("model.num_layers");
  const auto count = config.optional_integer("model.recompute_num_layers");
  if (config.text("model.recompute_method") == "uniform") return uniform(layers, count.value_or(1));
  if (!count) {
    throw usage_error("model.recompute_method=block needs a number of blocks",
                      fmt::format("give model.recompute_num_layers, 1 to {}", layers));
  }
  return {.groups = std::vector<std::int64_t>(static_cast<std::size_t>(std::min(*count, layers)), 1)};
}

}  // namespace

RecomputePlan recompute_plan(const Config& config) {
  const std::string& granularity = config.text("model.recompute_granularity");
  const auto& modules = config.texts("model.recompute_modules");
  if (granularity != "selective" && !modules.empty()) {
    throw usage_error(fmt::format("model.recompute_modules with model.recompute_granularity={}", granularity),
                      "modules are for model.recompute_granularity=selective");
  }
  if (granularity != "full" && !config.is_null("model.recompute_num_layers")) {
    throw usage_error(
        fmt::format("model.recompute_num_layers with model.recompute_granularity={}", granularity),
        "a number of blocks is for model.recompute_granularity=full");
  }
  if (granularity == "selective") return selective(modules);
  if (granularity == "full") return full(config);
  return {};
}

at::Tensor kept_or_recomputed(bool recomputes, nn::NetworkPart part, const std::vector<at::Tensor>& inputs) {
  return recomputes ? nn::recomputed(std::move(part), inputs) : part(inputs);
}

at::Tensor run_stack(const RecomputePlan& plan, const Range& layers, const Block& block,
                     std::vector<at::Tensor> inputs) {
  const auto run = [block, hooks = plan.hooks](std::size_t first, std::size_t last,
                                               std::vector<at::Tensor> in) {
    for (std::size_t i = first; i < last; ++i) in[0] = nn::run_block(*hooks, block, i, in);
    return in[0];
  };
  auto done = static_cast<std::size_t>(layers.begin);
  const auto end = static_cast<std::size_t>(layers.end());
  for (const std::int64_t group : plan.groups) {
    const std::size_t next = std::min(done + static_cast<std::size_t>(group), end);
    if (next == done) break;
    inputs[0] = nn::recomputed([=](const auto& in) { return run(done, next, in); }, inputs);
    done = next;
  }
  return run(done, end, std::move(inputs));
}

std::vector<BlockUse> forward_uses(std::size_t count) {
  std::vector<BlockUse> uses;
  for (std::size_t i = 0; i < count; ++i) uses.push_back({i, BlockUse::In::forward});
  return uses;
}

namespace {

std::vector<BlockUse> uses_of_pass(const RecomputePlan& plan, std::size_t count) {
  std::vector<BlockUse> uses = forward_uses(count);
  const auto backward = [&](std::size_t first, std::size_t last) {
    for (std::size_t i = last; i > first; --i) uses.push_back({i - 1, BlockUse::In::backward});
  };
  std::size_t end = 0;
  for (const std::int64_t group : plan.groups) end += static_cast<std::size_t>(group);
  backward(end, count);
  for (auto group = plan.groups.rbegin(); group != plan.groups.rend(); ++group) {
    const std::size_t first = end - static_cast<std::size_t>(*group);
    for (std::size_t i = first; i < end; ++i) uses.push_back({i, BlockUse::In::forward});
    backward(first, end);
    end = first;
  }
  return uses;
}

}  // namespace

std::vector<BlockUse> training_uses(const RecomputePlan& plan, std::size_t count, std::int64_t passes) {
  const std::vector<BlockUse> of_pass = uses_of_pass(plan, count);
  std::vector<BlockUse> uses;
  for (std::int64_t i = 0; i < passes; ++i) uses.insert(uses.end(), of_pass.begin(), of_pass.end());
  return uses;
}

}  // namespace dfm::model
