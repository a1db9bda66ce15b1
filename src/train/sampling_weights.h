// The light last save: a run that has reached its last step leaves one file that dfm_sample opens at once
// (checkpoint.sampling_weights), beside the checkpoint to train on from.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "ckpt/export/export.h"
#include "comm/group.h"
#include "config/config.h"
#include "core/progress.h"

namespace dfm::train {

// Empty where none is asked for. Throws a usage error for a file that could not be written at the end.
std::optional<ckpt::ExportSettings> sampling_weights_settings(const Config& config);

// Collective. Writes the file from a checkpoint that was just saved or loaded; empty when asked to stop:
// there is no new file then.
std::optional<ckpt::ExportReport> write_sampling_weights(const comm::Group& world,
                                                         const std::filesystem::path& checkpoint,
                                                         const ckpt::ExportSettings& settings,
                                                         ProgressStyle progress);

}  // namespace dfm::train
