#include "train/data_sources.h"

#include <functional>

#include "comm/agree.h"
#include "core/activity.h"
#include "core/error.h"
#include "core/log.h"
#include "core/stop_token.h"
#include "model/backbone.h"
#include "train/mock_grid.h"

namespace dfm::train {
namespace {

data::SampleSource mock_source(const Config& config) {
  const model::BackboneSpec model = model::backbone_spec(config);
  return data::mock_source({config.integer("dataset.mock_samples"), mock_latent_shape(config, model.patches),
                            config.integer("dataset.context_seq_len"), model.text_width},
                           static_cast<std::uint64_t>(config.integer("rng.seed")));
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

bool validates_on_a_split(const Config& config) {
  return config.integer("train.eval_interval") > 0 && !config.flag("dataset.use_train_split_for_val");
}

// Empty where the ranks have none.
std::optional<data::SourceIndex> shared(const std::optional<data::SourceIndex>& mine,
                                        const comm::Group& world) {
  const std::string text = world.broadcast_text(mine ? data::to_text(*mine) : "", 0);
  if (world.rank() == 0 || text.empty()) return mine;
  return data::source_index_from_text(text);
}

}  // namespace

DataIndex read_data_index(const Config& config) {
  if (config.flag("dataset.mock")) return {};
  const activity::PhaseScope phase(activity::Phase::opening_data);
  StopToken::throw_if_requested();
  const std::string& path = dataset_path(config);
  DataIndex index{data::read_source_index(path, "train"), std::nullopt};
  if (!validates_on_a_split(config)) return index;
  if (data::has_samples(path, "val")) {
    index.validation = data::read_source_index(path, "val");
  } else {
    log::warn(
        "{} has no validation split: no validation loss will be computed; index it with "
        "index.split_ratio=8,1,1, or give dataset.use_train_split_for_val=true",
        path);
  }
  return index;
}

DataIndex shared_data_index(const Config& config, const comm::Group& world) {
  const DataIndex mine =
      comm::agreed(world, [&] { return world.rank() == 0 ? read_data_index(config) : DataIndex(); });
  return {shared(mine.training, world), shared(mine.validation, world)};
}

data::SampleSource training_source(const Config& config, const DataIndex& index,
                                   const data::NearbyCopies& copies) {
  if (!index.training) return mock_source(config);
  data::SourceSettings settings = source_settings(config, copies);
  settings.least_aesthetic_score = config.optional_real("dataset.aesthetic_score");
  return data::energon_source(*index.training, settings);
}

std::optional<data::SampleSource> validation_source(const Config& config, const DataIndex& index,
                                                    const data::NearbyCopies& copies) {
  if (config.integer("train.eval_interval") == 0) return std::nullopt;
  if (!index.training) return mock_source(config);
  const auto& validated = validates_on_a_split(config) ? index.validation : index.training;
  if (!validated) return std::nullopt;
  return data::energon_source(*validated, source_settings(config, copies));
}

data::SourceFiles files_to_stage(const DataIndex& index) {
  std::vector<const data::SourceIndex*> sources;
  for (const auto* const each : {&index.training, &index.validation}) {
    if (*each) sources.push_back(&**each);
  }
  return data::files_of(sources);
}

}  // namespace dfm::train
