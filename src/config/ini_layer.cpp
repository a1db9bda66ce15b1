#include <ini.h>

#include <sstream>

#include <fmt/core.h>

#include "config/layers.h"
#include "core/error.h"
#include "core/file.h"

namespace dfm {
namespace {

struct Collected {
  Layer layer;
  std::string origin;
};

int collect(void* user, const char* section, const char* name, const char* value) {
  auto& collected = *static_cast<Collected*>(user);
  const std::string key = *section == '\0' ? std::string(name) : fmt::format("{}.{}", section, name);
  collected.layer.push_back({key, value, collected.origin});
  return 1;
}

// inih cuts longer lines in silence.
void refuse_long_lines(const std::string& text, const std::filesystem::path& path) {
  static constexpr std::size_t kLongestLine = 198;
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (line.size() <= kLongestLine) continue;
    throw usage_error(fmt::format("{}:{} is longer than {} characters", path.native(), number, kLongestLine),
                      "give the value on the command line or in a YAML file");
  }
}

}  // namespace

Layer read_ini_file(const std::filesystem::path& path, const std::string& origin) {
  const std::string text = read_text(path);
  refuse_long_lines(text, path);
  Collected collected{{}, origin};
  const int bad_line = ini_parse_string(text.c_str(), collect, &collected);
  if (bad_line != 0) {
    throw usage_error(fmt::format("{}:{} is neither [section] nor key = value", path.native(), bad_line));
  }
  return std::move(collected.layer);
}

}  // namespace dfm
