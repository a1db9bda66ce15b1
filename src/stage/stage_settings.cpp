#include "stage/stage_settings.h"

#include <array>
#include <cstdlib>

#include <fmt/format.h>
#include <sys/vfs.h>

#include "core/error.h"

namespace dfm::stage {
namespace {

namespace fs = std::filesystem;

constexpr const char* kOwnVariable = "DFM_SCRATCH";

struct NetworkFileSystem {
  std::int64_t magic;
  const char* name;
};

// From the headers of the kernel and of the file systems themselves.
constexpr std::array kNetworkFileSystems{
    NetworkFileSystem{0x6969, "NFS"},        NetworkFileSystem{0x0BD00BD0, "Lustre"},
    NetworkFileSystem{0x47504653, "GPFS"},   NetworkFileSystem{0x19830326, "BeeGFS"},
    NetworkFileSystem{0x00C36400, "CephFS"}, NetworkFileSystem{0xFF534D42, "SMB"},
    NetworkFileSystem{0xAAD7AAEA, "PanFS"},  NetworkFileSystem{0x5346414F, "AFS"},
};

std::string value_of(const std::string& variable) {
  const char* const value = std::getenv(variable.c_str());
  return value == nullptr ? "" : value;
}

Mode parse_mode(const std::string& name) {
  if (name == "broadcast") return Mode::broadcast;
  return name == "partition" ? Mode::partition : Mode::none;
}

}  // namespace

StageSettings stage_settings(const Config& config) {
  return {.mode = parse_mode(config.text("stage.mode")),
          .scratch = config.optional_text("stage.scratch"),
          .scratch_variables = config.texts("stage.scratch_variables"),
          .margin = config.real("stage.margin"),
          .readers = config.integer("stage.readers"),
          .keep = config.flag("stage.keep")};
}

fs::path choose_scratch(const StageSettings& settings, const std::string& key) {
  if (settings.scratch) return *settings.scratch;
  if (const std::string own = value_of(kOwnVariable); !own.empty()) return own;
  for (const std::string& variable : settings.scratch_variables) {
    std::error_code ignored;
    const std::string value = value_of(variable);
    if (!value.empty() && fs::is_directory(value, ignored)) return value;
  }
  throw usage_error(
      fmt::format("no node-local folder is known: neither {} nor any of {} names a folder", kOwnVariable,
                  fmt::join(settings.scratch_variables, ", ")),
      fmt::format("give {}=FOLDER, or name this site's variable in stage.scratch_variables", key));
}

std::string network_file_system(const fs::path& folder) {
  struct statfs status {};
  if (::statfs(folder.c_str(), &status) != 0) return "";
  for (const NetworkFileSystem& known : kNetworkFileSystems) {
    if (static_cast<std::uint32_t>(status.f_type) == static_cast<std::uint32_t>(known.magic))
      return known.name;
  }
  return "";
}

}  // namespace dfm::stage
