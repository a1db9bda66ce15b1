#include "cli/common_options.h"

#include <fmt/format.h>

namespace dfm::cli {

std::string CommonOption::full_help() const {
  return choices.empty() ? help : fmt::format("{} ({})", help, fmt::join(choices, " | "));
}

const std::vector<CommonOption>& common_options() {
  static const std::vector<CommonOption> table = {
      {"help", &CommandLine::help, "", "print this and exit", {}, "h"},
      {"version", &CommandLine::version, "", "print the version and exit", {}},
      {"recipe", &CommandLine::recipe, "NAME", "start from this recipe (or a path to one)", {}},
      {"config-file", &CommandLine::config_file, "FILE", "then apply this file (.ini or .yaml)", {}},
      {"print-config", &CommandLine::print_config, "", "print every value and its origin, and exit", {}},
      {"topology", &CommandLine::topology, "", "print which rank runs where, and exit", {}},
      {"log-level",
       &CommandLine::log_level,
       "LEVEL",
       "print messages from this level on",
       {"debug", "info", "warning", "error", "off"}},
      {"progress", &CommandLine::progress, "STYLE", "how progress is shown", {"auto", "bar", "lines", "off"}},
  };
  return table;
}

const std::vector<CommonOption>& hidden_options() {
  static const std::vector<CommonOption> table = {
      {"man-page", &CommandLine::man_page, "", "print the manual page and exit", {}},
      {"bash-completion", &CommandLine::bash_completion, "", "print the completion for bash and exit", {}},
  };
  return table;
}

}  // namespace dfm::cli
