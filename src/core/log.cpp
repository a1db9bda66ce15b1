#include "core/log.h"

#include <ctime>

#include <unistd.h>

#include "core/error.h"

namespace dfm::log {
namespace {

struct Logger {
  Identity identity;
  Level level = Level::info;
};

Logger& logger() {
  static Logger instance;
  return instance;
}

std::string clock_text() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  localtime_r(&now, &parts);
  return fmt::format("{:02}:{:02}:{:02}", parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string prefix(Level level, const Identity& identity) {
  const char* const word = level == Level::error     ? "error: "
                           : level == Level::warning ? "warning: "
                           : level == Level::debug   ? "debug: "
                                                     : "";
  const bool names_rank = level != Level::info && identity.world_size > 1;
  const std::string speaker =
      names_rank ? fmt::format("[rank {} on {}] ", identity.rank, identity.host) : std::string{};
  return fmt::format("{} {}{}", clock_text(), speaker, word);
}

}  // namespace

Level parse_level(std::string_view text) {
  if (text == "debug") return Level::debug;
  if (text == "info") return Level::info;
  if (text == "warning") return Level::warning;
  if (text == "error") return Level::error;
  if (text == "off") return Level::off;
  throw usage_error(fmt::format("log level '{}' is not known", text),
                    "use debug, info, warning, error or off");
}

void set_up(Identity identity, Level level) { logger() = {std::move(identity), level}; }

void write(Level level, std::string_view line) {
  const Logger& current = logger();
  if (level < current.level) return;
  if (level <= Level::info && current.identity.rank != 0) return;
  // One write a line, so that lines of several ranks do not mix. On a terminal a progress bar may stand
  // there.
  static const char* const clear_line = ::isatty(STDERR_FILENO) != 0 ? "\r\033[K" : "";
  const std::string text = fmt::format("{}{}{}\n", clear_line, prefix(level, current.identity), line);
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace dfm::log
