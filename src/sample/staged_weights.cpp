#include "sample/staged_weights.h"

#include "core/log.h"

namespace dfm::sample {

StagedWeights::StagedWeights(const Config& config, const comm::Group& world)
    : path_(config.text("sample.weights")) {
  stage::StageSettings settings = stage::stage_settings(config);
  if (settings.mode == stage::Mode::none) return;
  settings.mode = stage::Mode::broadcast;  // every node needs all of one file
  const std::filesystem::path file = std::filesystem::absolute(path_);
  staging_ = std::make_unique<stage::Staging>(std::move(settings), world, stage::node_groups(world),
                                              file.parent_path(), std::vector{file.filename().native()});
  staging_->wait(world);
  if (const auto copy = staging_->local_copy(file)) path_ = *copy;
  log::info("reading the weights from {}", path_.native());
}

}  // namespace dfm::sample
