#include "train/setup.h"

#include <array>
#include <map>

#include <fmt/ranges.h>

#include "core/error.h"
#include "core/log.h"
#include "core/units.h"
#include "model/patchify.h"
#include "train/same_model.h"

namespace dfm::train {
namespace {

std::uint64_t seed_of(const Config& config) { return static_cast<std::uint64_t>(config.integer("rng.seed")); }

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
