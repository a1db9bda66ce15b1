// The one process-wide logger, set up once in main.
//
// Lines go to standard error. `info` is for facts about the run as a whole: rank 0 alone prints it.
// `warn` and `error` speak for the rank that meets them and name rank and host when there are several.
#pragma once

#include <string>
#include <string_view>

#include <fmt/core.h>

namespace dfm::log {

enum class Level { debug, info, warning, error, off };

// "debug", "info", "warning", "error" or "off"; throws a usage error otherwise.
Level parse_level(std::string_view text);

struct Identity {
  std::string program;
  std::string host;
  int rank = 0;
  int world_size = 1;
};

void set_up(Identity identity, Level level);

void write(Level level, std::string_view line);

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::debug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::warning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::error, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace dfm::log
