#include <iterator>

#include "config/keys.h"
#include "config/keys/sections.h"

namespace dfm {
namespace {

void append(std::vector<Key>& all, std::vector<Key> section) {
  all.insert(all.end(), std::make_move_iterator(section.begin()), std::make_move_iterator(section.end()));
}

// Spellings in the users' documents (spec/dfm.md section 0, and the quick starts they come from).
std::map<std::string, std::string, std::less<>> aliases() {
  return {
      {"checkpoint.checkpoint_dir", "checkpoint.save"},
      {"checkpoint.load_checkpoint", "checkpoint.load"},
      {"checkpoint.save_every", "checkpoint.save_interval"},
      {"data.global_batch_size", "train.global_batch_size"},
      {"data.micro_batch_size", "train.micro_batch_size"},
      {"data.seq_length", "dataset.seq_length"},
      {"data.task_encoder.seq_length", "dataset.task_encoder_seq_length"},
      {"dataset.global_batch_size", "train.global_batch_size"},
      {"dataset.micro_batch_size", "train.micro_batch_size"},
      {"dataset.context_embeddings_dim", "model.crossattn_emb_size"},
      {"dist.use_megatron_fsdp", "ddp.use_megatron_fsdp"},
      {"dist.use_torch_fsdp2", "ddp.use_megatron_fsdp"},
      {"fsdp.cp_size", "model.context_parallel_size"},
      {"fsdp.dp_replicate_size", "ddp.num_distributed_optimizer_instances"},
      {"fsdp.pp_size", "model.pipeline_model_parallel_size"},
      {"fsdp.tp_size", "model.tensor_model_parallel_size"},
      {"logging.log_every", "logger.log_interval"},
      {"logging.save_every", "checkpoint.save_interval"},
      {"optim.learning_rate", "optimizer.lr"},
      {"optimizer.learning_rate", "optimizer.lr"},
      {"optimizer.use_distributed_optimizer", "ddp.use_distributed_optimizer"},
      {"seed", "rng.seed"},
      {"trainer.max_steps", "train.train_iters"},
  };
}

// NeMo's (spec/nemo_diffusion.md section 3): the model's keys under its configuration, which is also the
// data's, and the layout's under the strategy.
void add_nemo_spellings(KeyTable& table) {
  static const std::string kModel = "model.";
  for (const Key& key : table.keys) {
    if (!key.name.starts_with(kModel)) continue;
    const std::string bare = key.name.substr(kModel.size());
    table.aliases.emplace("model.config." + bare, key.name);
    table.aliases.emplace("data.model_config." + bare, key.name);
    if (bare.ends_with("_parallel_size") || bare == "sequence_parallel")
      table.aliases.emplace("trainer.strategy." + bare, key.name);
  }
}

KeyTable make_table() {
  KeyTable table;
  for (auto* const section :
       {keys::model_keys,       keys::latent_keys,       keys::expert_keys,    keys::layout_keys,
        keys::diffusion_keys,   keys::train_keys,        keys::device_keys,    keys::plan_keys,
        keys::observation_keys, keys::sharding_keys,     keys::optimizer_keys, keys::checkpoint_keys,
        keys::dataset_keys,     keys::data_reading_keys, keys::mock_keys,      keys::encoder_keys,
        keys::prepare_keys,     keys::index_keys,        keys::stage_keys,     keys::consolidate_keys,
        keys::sample_keys}) {
    append(table.keys, section());
  }
  table.aliases = aliases();
  add_nemo_spellings(table);
  return table;
}

}  // namespace

const KeyTable& all_keys() {
  static const KeyTable table = make_table();
  return table;
}

bool describes_weights(std::string_view key) {
  return key.starts_with("model.") || key.starts_with("diffusion.") || key.starts_with("encoders.");
}

}  // namespace dfm
