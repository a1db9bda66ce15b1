#include "train/idle_keys.h"

#include <string>
#include <vector>

#include <fmt/core.h>

#include "config/keys.h"
#include "config/layers.h"
#include "core/error.h"
#include "diffusion/objective.h"
#include "train/idle_data_keys.h"

namespace dfm::train {
namespace {

// Keys that have no effect while a condition holds.
struct Idle {
  bool holds;
  std::vector<const char*> keys;
  std::string beside;  // the condition, in words
  const char* remedy;
};

bool saves_on_nodes(const Config& config) {
  return config.integer("checkpoint.local_save_interval") > 0 ||
         !config.is_null("checkpoint.local_save_minutes");
}

std::vector<Idle> idle_in_checkpoint(const Config& config) {
  return {
      {!saves_on_nodes(config),
       {"checkpoint.local_save", "checkpoint.local_most_recent_k", "checkpoint.partner_copy"},
       "without checkpoints on the nodes' own disks",
       "say how often to make them: checkpoint.local_save_interval or checkpoint.local_save_minutes"},
      {config.text("checkpoint.sampling_weights") == "none",
       {"checkpoint.sampling_file", "checkpoint.sampling_dtype"},
       "with checkpoint.sampling_weights = none",
       "give checkpoint.sampling_weights=weights or ema, too"},
      {config.integer("checkpoint.most_recent_k") < 0,
       {"checkpoint.keep_every"},
       "with checkpoint.most_recent_k = -1",
       "all checkpoints are kept: give checkpoint.most_recent_k, too"},
  };
}

std::vector<Idle> idle_in_validation(const Config& config) {
  // Typed, 0 is how validation is turned off beside words that stay as they are.
  const bool is_turned_off =
      config.integer("train.eval_interval") == 0 && !is_typed(config, "train.eval_interval");
  return {
      {is_turned_off,
       {"validation.prompts", "train.eval_iters", "dataset.use_train_split_for_val"},
       "with train.eval_interval = 0",
       "nothing is validated: give train.eval_interval, too"},
      {config.texts("validation.prompts").empty(),
       {"validation.image_size", "validation.num_steps", "validation.guidance"},
       "without validation.prompts",
       "no picture is drawn: give validation.prompts, too"},
  };
}

std::vector<Idle> idle_in_stage(const Config& config) {
  const bool copies = config.text("stage.mode") != "none";
  return {
      {!copies,
       {"stage.margin", "stage.readers", "stage.keep"},
       "with stage.mode = none",
       "nothing is copied: give stage.mode=broadcast or partition, too"},
      {!copies && !saves_on_nodes(config) && !config.flag("train.preflight"),
       {"stage.scratch", "stage.scratch_variables"},
       "with stage.mode = none",
       "nothing is put there: give stage.mode, or checkpoint.local_save_interval for checkpoints, too"},
      {copies && config.flag("dataset.mock"),
       {"stage.mode"},
       "with dataset.mock = true",
       "made-up samples are not copied: leave one of them out"},
  };
}

std::vector<Idle> idle_in_schedule(const Config& config) {
  return {
      {config.text("scheduler.lr_decay_style") == "constant",
       {"optimizer.min_lr", "scheduler.lr_decay_iters"},
       "with scheduler.lr_decay_style = constant",
       "the rate does not decay: give scheduler.lr_decay_style=cosine or linear, too"},
      {config.integer("scheduler.lr_warmup_iters") == 0,
       {"scheduler.lr_warmup_init"},
       "with scheduler.lr_warmup_iters = 0",
       "there is no warm-up: give scheduler.lr_warmup_iters, too"},
  };
}

std::vector<Idle> idle_in_flow(const Config& config) {
  const std::string& sampling = config.text("diffusion.timestep_sampling");
  const std::string beside = "with diffusion.timestep_sampling = " + sampling;
  return {
      {true,
       {"diffusion.sigma_data", "diffusion.p_mean", "diffusion.p_std"},
       "where flow matching is trained",
       "they are EDM's: leave them out, or give diffusion.objective=edm"},
      {sampling != "logit_normal",
       {"diffusion.logit_mean", "diffusion.logit_std"},
       beside,
       "they shape logit_normal: leave them out, or give diffusion.timestep_sampling=logit_normal"},
      {sampling != "mode",
       {"diffusion.mode_scale"},
       beside,
       "it shapes mode: leave it out, or give diffusion.timestep_sampling=mode"},
      {sampling == "uniform",
       {"diffusion.mix_uniform_ratio"},
       beside,
       "all levels are drawn evenly: leave it out, or give another diffusion.timestep_sampling"},
  };
}

std::vector<Idle> idle_in_diffusion(const Config& config) {
  if (diffusion::objective_kind(config) == diffusion::ObjectiveKind::flow) return idle_in_flow(config);
  return {{true,
           {"diffusion.timestep_sampling", "diffusion.logit_mean", "diffusion.logit_std",
            "diffusion.mode_scale", "diffusion.flow_shift", "diffusion.mix_uniform_ratio",
            "diffusion.sigma_min", "diffusion.sigma_max", "diffusion.use_loss_weighting"},
           "where EDM is trained",
           "it is for flow matching: leave it out, or give diffusion.objective=flow"}};
}

std::vector<Idle> idle_in_model(const Config& config) {
  const std::string& family = config.text("model.family");
  const std::string beside = "with model.family = " + family;
  return {
      {family != "moviegen",
       {"model.num_query_groups", "model.cross_residual"},
       beside,
       "it is for model.family=moviegen: leave one of them out"},
      {family != "wan",
       {"model.text_dim", "model.text_len", "model.freq_dim"},
       beside,
       "it is for model.family=wan: leave one of them out"},
      {config.is_null("model.num_moe_experts"),
       {"model.moe_expert_capacity_factor", "model.moe_routing_group"},
       "without experts",
       "give model.num_moe_experts, too, or leave it out"},
      {config.text("model.recompute_granularity") != "full",
       {"model.recompute_method"},
       "with model.recompute_granularity = " + config.text("model.recompute_granularity"),
       "give model.recompute_granularity=full, too, or leave it out"},
  };
}

std::vector<Idle> idle_in_modes(const Config& config) {
  return {
      {!config.flag("train.data_only"),
       {"train.data_only_step_seconds"},
       "without --data-only",
       "give --data-only, too, or leave it out"},
      {!config.flag("train.plan"),
       {"plan.ranks_per_node"},
       "without --plan",
       "give --plan, too, or leave it out"},
  };
}

void refuse(const Config& config, const Idle& idle) {
  static const auto kDefaults = Config(all_keys()).values_as_text();
  if (!idle.holds) return;
  for (const char* const key : idle.keys) {
    if (!is_typed(config, key)) continue;
    const std::string value = config.values_as_text().at(key);
    if (value == kDefaults.at(key)) continue;
    throw usage_error(fmt::format("{} = {} has no effect {}", key, value, idle.beside), idle.remedy);
  }
}

// From files, too.
void refuse_plan_keys(const Config& config) {
  const std::string key = !config.is_null("plan.ranks")         ? "plan.ranks"
                          : !config.is_null("plan.suggest_gib") ? "plan.suggest_gib"
                          : config.flag("plan.json")            ? "plan.json"
                                                                : "";
  if (!key.empty()) throw usage_error(key + " is given without --plan", "give --plan, too, or leave it out");
}

// Of --plan, --data-only and --preflight: who gives two would get the answer of one alone.
void require_one_answer(const Config& config) {
  const char* first = nullptr;
  for (const char* const key : {"train.plan", "train.data_only", "train.preflight"}) {
    if (!config.flag(key)) continue;
    if (first != nullptr) {
      throw usage_error(fmt::format("{} and {} are both given", first, key),
                        "give one of --plan, --data-only and --preflight, and another start for the next");
    }
    first = key;
  }
}

}  // namespace

void refuse_idle_keys(const Config& config) {
  require_one_answer(config);
  refuse_idle_data_keys(config);
  for (const auto section : {idle_in_checkpoint, idle_in_validation, idle_in_stage, idle_in_schedule,
                             idle_in_diffusion, idle_in_model, idle_in_modes}) {
    for (const Idle& idle : section(config)) refuse(config, idle);
  }
  if (!config.flag("train.plan")) refuse_plan_keys(config);
}

}  // namespace dfm::train
