// Training that starts from weights alone, at step 0 with a fresh optimizer:
// checkpoint.pretrained_checkpoint, or checkpoint.load with checkpoint.finetune, as in the reference
// (spec/dfm.md section 9.3). The weights are those of a dfm checkpoint, of a file or parts that
// dfm_consolidate wrote, of a checkpoint of PyTorch, or of a WAN that diffusers saved.
//
//   if (const auto path = weights_to_start_from(config)) {
//     trainer.begin_with(starting_weights(world, *path, config, trainer.parameters()));
//   }
#pragma once

#include <filesystem>
#include <optional>

#include "comm/group.h"
#include "config/config.h"
#include "nn/parameter.h"
#include "train/adam.h"

namespace dfm::train {

// Throws a usage error for keys that contradict each other.
std::optional<std::filesystem::path> weights_to_start_from(const Config& config);

// Collective. Where the starting values are read; whole, where there are checksums. Throws an error of kind
// no_checkpoint where path holds no weights, a usage error where they are of another model.
StartingValues starting_weights(const comm::Group& world, const std::filesystem::path& path,
                                const Config& config, const nn::ParameterList& parameters);

}  // namespace dfm::train
