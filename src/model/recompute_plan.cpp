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

std::vector<BlockUse> forward_uses(const Range& blocks) {
  std::vector<BlockUse> uses;
  for (std::int64_t i = blocks.begin; i < blocks.end(); ++i)
    uses.push_back({static_cast<std::size_t>(i), BlockUse::In::forward});
  return uses;
}

namespace {

void add_backward(const Range& blocks, std::vector<BlockUse>& uses) {
  for (std::int64_t i = blocks.end(); i > blocks.begin; --i)
    uses.push_back({static_cast<std::size_t>(i - 1), BlockUse::In::backward});
}

// As run_stack makes them: the first of the blocks in groups.
std::vector<Range> groups_of(const RecomputePlan& plan, const Range& blocks) {
  std::vector<Range> groups;
  std::int64_t done = blocks.begin;
  for (const std::int64_t group : plan.groups) {
    const std::int64_t count = std::min(group, blocks.end() - done);
    if (count > 0) groups.push_back({done, count});
    done += count;
  }
  return groups;
}

}  // namespace

std::vector<BlockUse> backward_uses(const RecomputePlan& plan, const Range& blocks) {
  std::vector<Range> groups = groups_of(plan, blocks);
  const std::int64_t kept = groups.empty() ? blocks.begin : groups.back().end();
  std::vector<BlockUse> uses;
  add_backward({kept, blocks.end() - kept}, uses);
  for (; !groups.empty(); groups.pop_back()) {
    const auto again = forward_uses(groups.back());
    uses.insert(uses.end(), again.begin(), again.end());
    add_backward(groups.back(), uses);
  }
  return uses;
}

}  // namespace dfm::model
