#include "train/staged_data.h"

#include "core/activity.h"
#include "core/log.h"

namespace dfm::train {

std::unique_ptr<stage::Staging> start_staging(const Config& config, const comm::Group& world,
                                              const DataIndex& index) {
  stage::StageSettings settings = stage::stage_settings(config);
  if (settings.mode == stage::Mode::none || !index.training) return nullptr;
  const activity::PhaseScope phase(activity::Phase::staging);
  const data::SourceFiles files = files_to_stage(index);
  const stage::Mode mode = settings.mode;
  auto staging = std::make_unique<stage::Staging>(std::move(settings), world, stage::node_groups(world),
                                                  files.root, files.names);
  log::info("staging {} files to {}", files.names.size(), staging->folder().native());
  if (mode == stage::Mode::broadcast) staging->wait(world);
  return staging;
}

data::NearbyCopies nearby_copies(stage::Staging* staging) {
  if (staging == nullptr) return {};
  return {[staging](const std::filesystem::path& file) { return staging->local_copy(file); },
          [staging](const std::filesystem::path& file) { staging->give_up(file); }};
}

}  // namespace dfm::train
