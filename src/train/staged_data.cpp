#include "train/staged_data.h"

#include "comm/agree.h"
#include "core/activity.h"
#include "core/log.h"
#include "train/setup.h"

namespace dfm::train {

std::unique_ptr<stage::Staging> start_staging(const Config& config, const comm::Group& world) {
  stage::StageSettings settings = stage::stage_settings(config);
  if (settings.mode == stage::Mode::none || config.flag("dataset.mock")) return nullptr;
  const activity::PhaseScope phase(activity::Phase::staging);
  const auto files =
      comm::agreed(world, [&] { return world.rank() == 0 ? files_to_stage(config) : data::SplitFiles(); });
  const std::filesystem::path root = world.broadcast_text(files.root.native(), 0);
  const stage::Mode mode = settings.mode;
  auto staging = std::make_unique<stage::Staging>(std::move(settings), world, stage::node_groups(world), root,
                                                  files.names);
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
