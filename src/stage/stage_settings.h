// What [stage] asks for, and the node-local folder that it leads to.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"

namespace dfm::stage {

enum class Mode { none, broadcast, partition };

struct StageSettings {
  Mode mode = Mode::none;
  std::optional<std::filesystem::path> scratch;
  std::vector<std::string> scratch_variables;  // of the environment, asked in this order
  double margin = 0.05;                        // share of the scratch file system to leave free
  std::int64_t readers = 4;                    // nodes that read from the shared file system at once
  bool keep = false;                           // leave the copies for the next run
};

StageSettings stage_settings(const Config& config);

// stage.scratch, else DFM_SCRATCH, else the first of the variables that names a folder. Throws a usage error
// that names all of them; key: the one that its hint offers.
std::filesystem::path choose_scratch(const StageSettings& settings, const std::string& key = "stage.scratch");

// "Lustre", "NFS", ... for a folder on a file system that other nodes share; empty for a local one.
std::string network_file_system(const std::filesystem::path& folder);

}  // namespace dfm::stage
