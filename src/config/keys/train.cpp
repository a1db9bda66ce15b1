// [train], [validation], [watchdog], [logger], [rng]: the loop and what looks at it (spec/dfm.md sections 5.2
// and 9).
#include "config/keys/sections.h"

namespace dfm::keys {
namespace {

constexpr double kMostCounted = 1'000'000;  // products of two such numbers stay numbers

}  // namespace

std::vector<Key> train_keys() {
  return {
      integer("train.train_iters", 10000, "Steps to train for").at_least(0),
      integer("train.global_batch_size", 8, "Samples in a step, over all ranks")
          .at_least(1)
          .at_most(kMostCounted),
      integer(
          "train.micro_batch_size", 1,
          "Samples in a forward pass with dataset.batching=fixed_length or buckets; with packed it is 1, the "
          "pack")
          .at_least(1),
      choice("train.precision", "bf16_mixed", {"bf16_mixed", "fp32"},
             "bf16 weights and activations with fp32 master weights and optimizer state, or fp32 throughout"),
      real("train.ema_decay", 0.0, "Decay of an exponential moving average of the weights; 0: none")
          .at_least(0)
          .at_most(0.999999),
      integer("train.stop_after_steps", {}, "Save and leave with code 75 after this many steps of this start")
          .at_least(1),
      flag("train.preflight", false, "Check folders, data, links and nodes instead of training"),
      flag("train.plan", false,
           "Print what the run would need (parameters, memory, arithmetic, bytes moved) instead of training"),
      flag("train.data_only", false,
           "Read the steps as a run would, without a model, and report how fast data arrive"),
      real("train.data_only_step_seconds", 0.0,
           "Time that a step computes, for the share of stalls; 0: as fast as data arrive")
          .at_least(0)
          .at_most(kMostCounted)
          .in("seconds"),
      real("train.exit_duration_in_mins", {}, "Save and leave with code 75 within this time of this start")
          .above(0)
          .in("minutes"),
      real("train.stop_margin_seconds", 60.0,
           "Leave so long before the Slurm time limit, beside the time that a step and a save take")
          .at_least(0)
          .in("seconds"),
      text("train.halt_file", {},
           "Save and leave with code 75 when this file appears; while it is there, no start runs. null: HALT "
           "in checkpoint.save"),
      integer("train.eval_interval", 1000, "Steps between validations; 0: none").at_least(0),
      integer("train.eval_iters", 32, "Batches of global_batch_size samples in a validation")
          .at_least(1)
          .at_most(kMostCounted),
  };
}

std::vector<Key> observation_keys() {
  return {
      texts("validation.prompts", "Captions to draw a picture for at each validation"),
      integer("validation.image_size", {}, "Edge of these pictures; null: the size of the training samples")
          .at_least(16)
          .at_most(kMostCounted)
          .in("pixels"),
      integer("validation.num_steps", 12, "Sampling steps of these pictures").at_least(2),
      real("validation.guidance", 1.0, "Guidance of these pictures").at_least(0),
      real("watchdog.step_limit_seconds", 600.0,
           "End the job with code 6 when a step takes longer, and more than 10 of the longest so far; 0: "
           "never")
          .at_least(0)
          .in("seconds"),
      real("watchdog.startup_limit_seconds", 1800.0,
           "The same for a rank that makes no progress in start-up, loading or validation, and in the other "
           "programs for one that stands still")
          .at_least(0)
          .in("seconds"),
      real("watchdog.save_limit_seconds", 1800.0, "The same for saving a checkpoint")
          .at_least(0)
          .in("seconds"),
      real("watchdog.staging_limit_seconds", 7200.0, "The same for staging the data set")
          .at_least(0)
          .in("seconds"),
      integer("logger.log_interval", 10, "Steps between log lines").at_least(1),
      text("logger.output", {},
           "Folder for metrics.jsonl, TensorBoard events and report.html; null: checkpoint.save"),
      integer("rng.seed", 1234, "Seed of all random numbers").at_least(0),
  };
}

// What data-parallel ranks divide between them: names as in Megatron's DistributedDataParallelConfig.
std::vector<Key> sharding_keys() {
  return {
      choice("ddp.data_parallel_sharding_strategy", "auto",
             {"auto", "no_shard", "optim", "optim_grads", "optim_grads_params"},
             "What data-parallel ranks divide: nothing, the optimizer state (ZeRO-1), gradients, too, or "
             "parameters, too (FSDP); auto: as the other two keys say"),
      flag("ddp.use_megatron_fsdp", false,
           "With auto: the same as data_parallel_sharding_strategy=optim_grads_params"),
      flag("ddp.use_distributed_optimizer", true,
           "false, with auto: the same as data_parallel_sharding_strategy=no_shard"),
      integer("ddp.num_distributed_optimizer_instances", 1,
              "Copies of what is divided: with the number of nodes, ranks share within a node and the nodes "
              "hold copies")
          .at_least(1)
          .at_most(kMostCounted),
  };
}

std::vector<Key> optimizer_keys() {
  return {
      real("optimizer.lr", 0.9e-4, "Learning rate after the warm-up").at_least(0),
      real("optimizer.min_lr", {}, "Learning rate at the end of the decay; null: a tenth of lr").at_least(0),
      real("optimizer.weight_decay", 0.033, "Decoupled weight decay of matrices (biases and norms have none)")
          .at_least(0),
      real("optimizer.adam_beta1", 0.9, "Decay of the first moment").at_least(0).at_most(0.9999999),
      real("optimizer.adam_beta2", 0.95, "Decay of the second moment").at_least(0).at_most(0.9999999),
      real("optimizer.adam_eps", 1e-5, "Term added to the denominator").above(0),
      real("optimizer.clip_grad", 1.0, "Greatest global norm of the gradient; 0: no clipping").at_least(0),
      choice("scheduler.lr_decay_style", "cosine", {"cosine", "linear", "constant"}, "Shape of the decay"),
      integer("scheduler.lr_decay_iters", {}, "Step at which the decay ends; null: train.train_iters")
          .at_least(1),
      integer("scheduler.lr_warmup_iters", 2000, "Steps of linear warm-up").at_least(0),
      real("scheduler.lr_warmup_init", 0.0, "Learning rate at the start of the warm-up").at_least(0),
  };
}

std::vector<Key> checkpoint_keys() {
  return {
      text("checkpoint.save", "checkpoints", "Folder of the checkpoints"),
      text("checkpoint.load", {}, "Folder, or iter_* folder, to go on from; null: checkpoint.save"),
      text(
          "checkpoint.pretrained_checkpoint", {},
          "Checkpoint, file or folder of diffusers (WAN 2.1) whose weights alone a run starts from at step 0 "
          "when checkpoint.save holds none; null: random weights"),
      flag("checkpoint.finetune", false,
           "Start from the weights of checkpoint.load at step 0 instead of going on from it"),
      integer("checkpoint.save_interval", 2000, "Steps between checkpoints; 0: not by steps").at_least(0),
      real("checkpoint.save_minutes", {}, "Time between checkpoints; null: not by time")
          .above(0)
          .in("minutes"),
      real("checkpoint.max_overhead", {},
           "Save whenever the last save cost training less than this share of the time since; null: not so")
          .above(0)
          .at_most(1),
      flag("checkpoint.async_save", true,
           "Write checkpoints while training goes on; needs host memory for a rank's state twice"),
      flag("checkpoint.save_last", true,
           "Save when the run reaches train_iters; false: for measurements, whose end nobody goes on from"),
      integer("checkpoint.most_recent_k", -1, "Checkpoints to keep; -1: all").at_least(-1),
      integer("checkpoint.keep_every", 0, "Keep the checkpoints of steps that this divides, too; 0: none")
          .at_least(0),
      integer("checkpoint.local_save_interval", 0,
              "Steps between checkpoints on the nodes' own disks; 0: not by steps")
          .at_least(0),
      real("checkpoint.local_save_minutes", {},
           "Time between checkpoints on the nodes' own disks; null: not by time")
          .above(0)
          .in("minutes"),
      text("checkpoint.local_save", {},
           "Folder on the node's own disk; null: stage.scratch, DFM_SCRATCH or a site's variable"),
      integer("checkpoint.local_most_recent_k", 1, "Checkpoints to keep on the nodes' own disks").at_least(1),
      flag("checkpoint.partner_copy", true,
           "Keep each node's checkpoints on the next node, too, so that the loss of one node loses no step"),
      choice("checkpoint.sampling_weights", "none", {"none", "weights", "ema"},
             "What a run that reaches train_iters writes into one file for dfm_sample"),
      choice("checkpoint.sampling_dtype", "float32", {"float32", "bfloat16", "float16"},
             "Number type in that file"),
      text("checkpoint.sampling_file", {}, "That file; null: weights.safetensors in checkpoint.save"),
  };
}

}  // namespace dfm::keys
