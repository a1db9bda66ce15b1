#include "train/setup.h"

#include <array>
#include <map>

#include <fmt/ranges.h>

#include "core/error.h"
#include "core/log.h"
#include "core/units.h"
#include "data/loader/energon_source.h"
#include "model/patchify.h"
#include "train/mock_grid.h"
#include "train/same_model.h"

namespace dfm::train {
namespace {

std::uint64_t seed_of(const Config& config) { return static_cast<std::uint64_t>(config.integer("rng.seed")); }

data::MockShape mock_shape(const Config& config, std::int64_t samples) {
  const model::BackboneSpec model = model::backbone_spec(config);
  return {samples, mock_latent_shape(config, model.patches), config.integer("dataset.context_seq_len"),
          model.text_width};
}

const std::string& dataset_path(const Config& config) {
  refuse_mock_tokens(config);
  if (config.is_null("dataset.path")) {
    throw usage_error("no training data are given", "give --dataset-path FOLDER, or --mock for made-up data");
  }
  return config.text("dataset.path");
}

data::SourceSettings source_settings(const Config& config, const data::NearbyCopies& copies) {
  data::SourceSettings settings{copies};
  settings.retries.attempts = static_cast<int>(config.integer("dataset.read_attempts"));
  return settings;
}

data::Batching batching_of(const Config& config) {
  const std::string& name = config.text("dataset.batching");
  if (name == "fixed_length") return data::Batching::fixed_length;
  if (name == "buckets") return data::Batching::buckets;
  if (config.integer("train.micro_batch_size") == 1) return data::Batching::packed;
  throw usage_error(fmt::format("train.micro_batch_size is {}, but a pack is one sequence",
                                config.integer("train.micro_batch_size")),
                    "leave it at 1, or give dataset.batching=fixed_length or buckets");
}

}  // namespace

data::SampleSource training_source(const Config& config, const data::NearbyCopies& copies) {
  if (config.flag("dataset.mock")) {
    return data::mock_source(mock_shape(config, config.integer("dataset.mock_samples")), seed_of(config));
  }
  return data::energon_source(dataset_path(config), "train", source_settings(config, copies));
}

std::optional<data::SampleSource> validation_source(const Config& config, const data::NearbyCopies& copies) {
  if (config.integer("train.eval_interval") == 0) return std::nullopt;
  if (config.flag("dataset.mock") || config.flag("dataset.use_train_split_for_val"))
    return training_source(config, copies);
  if (!data::has_samples(dataset_path(config), "val")) {
    log::warn(
        "{} has no validation split: no validation loss will be computed; index it with "
        "index.split_ratio=8,1,1, or give dataset.use_train_split_for_val=true",
        dataset_path(config));
    return std::nullopt;
  }
  return data::energon_source(dataset_path(config), "val", source_settings(config, copies));
}

data::SplitFiles files_to_stage(const Config& config) {
  std::vector<std::string> splits{"train"};
  const bool validates_on_val =
      config.integer("train.eval_interval") > 0 && !config.flag("dataset.use_train_split_for_val");
  if (validates_on_val && data::has_samples(dataset_path(config), "val")) splits.emplace_back("val");
  return data::files_of_splits(dataset_path(config), splits);
}

data::StepReaderSettings reader_settings(const Config& config, const model::BackboneSpec& model,
                                         const comm::Group& data) {
  data::StepReaderSettings settings;
  settings.order = {seed_of(config), config.integer("dataset.slice_length"),
                    config.integer("dataset.shuffle_slices")};
  settings.global_batch_size = config.integer("train.global_batch_size");
  settings.pack_capacity = config.integer("dataset.task_encoder_seq_length");
  settings.plan =
      config.text("diffusion.noise_level") == "per_pack" ? data::plan_by_pack : data::plan_by_sample;
  settings.batching = batching_of(config);
  settings.batch_samples = config.integer("train.micro_batch_size");
  settings.bucket_window = config.integer("dataset.packing_buffer_size");
  settings.tokens_of = [patches = model.patches](const data::SampleShape& sample) {
    return model::patch_grid(data::latent_shape(sample), patches).tokens();
  };
  settings.cost_of = [patches = model.patches, flops = model.forward_flops](const data::SampleShape& sample) {
    const model::PatchGrid grid = model::patch_grid(data::latent_shape(sample), patches);
    return flops({grid.tokens(), grid.frames}, sample.text_rows);
  };
  if (config.text("dataset.balance") == "steps")
    settings.balance_window = config.integer("dataset.packing_buffer_size");
  settings.rank = static_cast<std::size_t>(data.rank());
  settings.ranks = static_cast<std::size_t>(data.size());
  return settings;
}

data::ReadAhead read_ahead(const Config& config) {
  return {static_cast<std::size_t>(config.integer("dataset.num_workers")),
          static_cast<std::size_t>(config.integer("dataset.prefetch_steps"))};
}

std::string parameter_shares(const nn::ParameterList& parameters) {
  std::map<std::size_t, std::int64_t> layers;
  std::int64_t outside = 0;
  for (const nn::Parameter& each : parameters.all()) {
    const auto block = nn::block_of(each.name);
    (block ? layers[*block] : outside) += each.global_count();
  }
  return fmt::format("{} + {} x {} in layers", format_count(outside), layers.size(),
                     format_count(layers.empty() ? 0 : layers.begin()->second));
}

void require_fitting_text(const data::SampleSource& source, const model::BackboneSpec& model) {
  if (source.text_width == model.text_width) return;
  throw usage_error(fmt::format("the data set's text embeddings are {} wide, the model takes {}",
                                source.text_width, model.text_width),
                    fmt::format("give {}={}", model.text_width_key, source.text_width));
}

std::optional<ckpt::Listed> resume(const Config& config, const comm::Group& world,
                                   const std::string& data_fingerprint,
                                   const std::function<void(const ckpt::Listed&)>& load,
                                   ckpt::LocalUnion* local) {
  const auto load_ours = [&](const ckpt::Listed& checkpoint) {
    require_same_model(config, {checkpoint.folder.native(), checkpoint.manifest->config});
    load(checkpoint);
  };
  auto found =
      ckpt::load_newest(world, config.text("checkpoint.save"), ckpt::Damaged::set_aside, load_ours, local);
  if (!found && !config.is_null("checkpoint.load") && !config.flag("checkpoint.finetune")) {
    found = ckpt::load_newest(world, config.text("checkpoint.load"), ckpt::Damaged::leave, load_ours);
    if (!found) {
      throw Error(ExitCode::no_checkpoint,
                  fmt::format("checkpoint.load = {} holds no checkpoint", config.text("checkpoint.load")),
                  "correct the path, or leave checkpoint.load out to start from the beginning");
    }
  }
  if (found && found->manifest->data_fingerprint != data_fingerprint && world.rank() == 0) {
    log::warn("the data set is not the one that {} was trained on: positions go on in the new one",
              found->folder.native());
  }
  return found;
}

}  // namespace dfm::train
