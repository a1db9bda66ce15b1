#include "train/plan_report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <tuple>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "comm/agree.h"
#include "core/error.h"
#include "core/json.h"
#include "core/units.h"
#include "train/layout_check.h"

namespace dfm::train {
namespace {

constexpr std::size_t kMostSuggestions = 10;
constexpr double kGib = 1024.0 * 1024 * 1024;

std::string bytes_text(double bytes) { return format_bytes(static_cast<std::uint64_t>(bytes)); }

const char* name_of(comm::Sharding sharding) {
  switch (sharding) {
    case comm::Sharding::none:
      return "no_shard";
    case comm::Sharding::optimizer:
      return "optim";
    case comm::Sharding::gradients:
      return "optim_grads";
    case comm::Sharding::parameters:
      return "optim_grads_params";
  }
  return "";
}

std::string layout_text(const PlannedLayout& layout) {
  const comm::RankGrid grid(layout.ranks, layout.grid);
  return fmt::format("{}; {} over {}", grid.describe(), name_of(layout.sharding),
                     grid.shape().shard_copies == 1 ? std::string("all of data x context")
                                                    : fmt::format("{} copies", grid.shape().shard_copies));
}

double bytes_between_nodes(const Plan& plan) {
  double bytes = 0;
  for (const PlannedTraffic& each : plan.traffic) bytes += each.between_nodes ? each.bytes : 0;
  return bytes;
}

double bytes_of(const Plan& plan) {
  double bytes = 0;
  for (const PlannedTraffic& each : plan.traffic) bytes += each.bytes;
  return bytes;
}

std::string table(const PlannedWork& work, const Plan& plan) {
  const PlannedMemory& memory = plan.memory;
  std::string text = fmt::format("{}\n{}\n\n", work.model().title, layout_text(plan.layout));
  const auto row = [&](const std::string& name, const std::string& value) {
    text += fmt::format("  {:<52} {:>16}\n", name, value);
  };
  row("parameters", format_count(plan.parameters));
  row("parameters a rank computes with", format_count(plan.local_parameters));
  row("tokens of the largest pack", format_count(plan.tokens));
  row("packs of a rank in a step", format_count(plan.passes));
  row("GFLOP of a token, the products that are there", fmt::format("{:.3f}", work.true_flops() / 1e9));
  row("GFLOP of a token, 6 x weights + 12 L h s", fmt::format("{:.3f}", work.reported_flops() / 1e9));
  if (plan.layout.grid.pipeline > 1)
    row("share of a step that stages wait for each other", fmt::format("{:.1f} %", 100 * plan.waiting_share));
  text += plan.layout.grid.pipeline == 1
              ? std::string("\nMemory of a rank\n")
              : fmt::format("\nMemory of a rank of stage {}, the fullest\n", plan.stage);
  row("weights", bytes_text(memory.weights));
  row("sums of gradients", bytes_text(memory.gradients));
  row("optimizer", bytes_text(memory.optimizer));
  row("activations", bytes_text(memory.activations));
  row("gradients of a backward pass", bytes_text(memory.fresh_gradients));
  row("buffers of collectives", bytes_text(memory.buffers));
  row("peak", bytes_text(memory.peak()));
  text += "\nBytes that a rank hands to collectives in a step\n";
  for (const PlannedTraffic& each : plan.traffic) {
    row(fmt::format("{}: {}, {} nodes", each.group, each.what, each.between_nodes ? "between" : "within"),
        (each.is_estimate ? "about " : "") + bytes_text(each.bytes));
  }
  return text;
}

Json json_of(const PlannedWork& work, const Plan& plan) {
  const PlannedMemory& memory = plan.memory;
  Json json{{"model", work.model().title},
            {"layout", layout_text(plan.layout)},
            {"ranks", plan.layout.ranks},
            {"parameters", plan.parameters},
            {"local_parameters", plan.local_parameters},
            {"tokens_in_pack", plan.tokens},
            {"packs_in_step", plan.passes},
            {"stage", plan.stage},
            {"waiting_share", plan.waiting_share},
            {"flops_per_token_true", work.true_flops()},
            {"flops_per_token_nemo", work.reported_flops()},
            {"memory_bytes",
             {{"weights", memory.weights},
              {"gradients", memory.gradients},
              {"optimizer", memory.optimizer},
              {"activations", memory.activations},
              {"fresh_gradients", memory.fresh_gradients},
              {"buffers", memory.buffers},
              {"peak", memory.peak()}}},
            {"traffic", Json::array()}};
  for (const PlannedTraffic& each : plan.traffic) {
    json["traffic"].push_back({{"group", each.group},
                               {"what", each.what},
                               {"bytes", each.bytes},
                               {"between_nodes", each.between_nodes},
                               {"is_estimate", each.is_estimate}});
  }
  return json;
}

std::string keys_of(const PlannedLayout& layout) {
  return fmt::format(
      "model.tensor_model_parallel_size={} model.context_parallel_size={} "
      "model.pipeline_model_parallel_size={}{} ddp.data_parallel_sharding_strategy={}",
      layout.grid.tensor, layout.grid.context, layout.grid.pipeline,
      layout.grid.expert > 1 ? fmt::format(" model.expert_model_parallel_size={}", layout.grid.expert) : "",
      name_of(layout.sharding));
}

std::string suggestions(const std::vector<Plan>& plans, double gib) {
  std::string text = fmt::format("\nLayouts that fit into {} GiB a rank, of the same packs\n", gib);
  if (plans.empty()) return text + "  none: give more ranks or memory, or model.recompute_granularity=full\n";
  for (const Plan& plan : plans) {
    text += fmt::format("  {:>10}  {:>10} a step  {:>3.0f} % waiting  {}\n", bytes_text(plan.memory.peak()),
                        bytes_text(bytes_of(plan)), 100 * plan.waiting_share, keys_of(plan.layout));
  }
  return text;
}

void print(const Config& config, int ranks) {
  const PlannedWork work(config);
  const Plan plan = work.plan({ranks, comm::grid_shape(config), comm::sharding(config)});
  const auto gib = config.optional_real("plan.suggest_gib");
  const auto fitting = gib ? suggested_layouts(work, ranks, *gib * kGib) : std::vector<Plan>();
  std::string text;
  if (config.flag("plan.json")) {
    Json json = json_of(work, plan);
    if (gib) json["suggested"] = Json::array();
    for (const Plan& each : fitting) json["suggested"].push_back(json_of(work, each));
    text = json.dump(2) + "\n";
  } else {
    text = table(work, plan) + (gib ? suggestions(fitting, *gib) : "");
  }
  std::fputs(text.c_str(), stdout);
}

bool can_be_cut(const model::BackboneSpec& model, int ranks, const comm::GridShape& grid) {
  try {
    require_fitting_layout(model, comm::RankGrid(ranks, grid));
  } catch (const Error&) {
    return false;
  }
  return true;
}

void add_if_it_can_be_cut(const model::BackboneSpec& model, int ranks, comm::GridShape grid,
                          std::vector<PlannedLayout>& all) {
  for (; grid.expert <= std::max<std::int64_t>(model.experts.count, 1); ++grid.expert) {
    if (!can_be_cut(model, ranks, grid)) continue;
    all.push_back({ranks, grid, comm::Sharding::optimizer});
    all.push_back({ranks, grid, comm::Sharding::parameters});
  }
}

// The layouts of so many ranks that the model can be cut into.
std::vector<PlannedLayout> candidates(const model::BackboneSpec& model, int ranks) {
  constexpr int kMostModelParallel = 64, kMostStages = 16;
  const int most = std::min(ranks, kMostModelParallel);
  std::vector<PlannedLayout> all;
  for (int tensor = 1; tensor <= most; ++tensor) {
    for (int context = 1; context * tensor <= most; ++context) {
      for (int stages = 1; stages * context * tensor <= most && stages <= kMostStages; ++stages) {
        add_if_it_can_be_cut(model, ranks, {.tensor = tensor, .context = context, .pipeline = stages}, all);
      }
    }
  }
  return all;
}

// Ranks that wait cost more than bytes, which may move beside the computation; of layouts that wait about
// alike those come first that move least.
std::tuple<double, double, double> cost(const Plan& plan) {
  return {std::round(10 * plan.waiting_share), bytes_between_nodes(plan), bytes_of(plan)};
}

}  // namespace

std::vector<Plan> suggested_layouts(const PlannedWork& work, int ranks, double memory_bytes) {
  std::vector<Plan> fitting;
  for (const PlannedLayout& layout : candidates(work.model(), ranks)) {
    Plan plan = work.plan(layout);
    if (plan.memory.peak() <= memory_bytes) fitting.push_back(std::move(plan));
  }
  std::ranges::stable_sort(fitting, {}, cost);
  if (fitting.size() > kMostSuggestions) fitting.resize(kMostSuggestions);
  return fitting;
}

ExitCode print_plan(const Config& config, const comm::Group& world) {
  const auto ranks = static_cast<int>(config.optional_integer("plan.ranks").value_or(world.size()));
  comm::agreed(world, [&] {
    if (world.rank() == 0) print(config, ranks);
  });
  return ExitCode::done;
}

}  // namespace dfm::train
