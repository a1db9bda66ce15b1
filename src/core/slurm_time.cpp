#include "core/slurm_time.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

namespace dfm {
namespace {

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

std::string_view from_environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string_view() : value;
}

// The first line that squeue prints about the job. The number was checked, so the shell sees nothing else.
std::string ask_squeue(std::int64_t job) {
  const std::string command = "timeout -k 1 10 squeue -h -o %L -j " + std::to_string(job) + " 2>/dev/null";
  const auto close = [](std::FILE* pipe) { ::pclose(pipe); };
  const std::unique_ptr<std::FILE, decltype(close)> pipe(::popen(command.c_str(), "r"), close);
  std::array<char, 64> line{};
  if (pipe == nullptr || std::fgets(line.data(), line.size(), pipe.get()) == nullptr) return "";
  std::string text = line.data();
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

}  // namespace

std::optional<std::chrono::seconds> parse_slurm_duration(std::string_view text) {
  std::int64_t days = 0;
  if (const auto dash = text.find('-'); dash != std::string_view::npos) {
    const auto value = whole_number(text.substr(0, dash));
    if (!value) return std::nullopt;
    days = *value;
    text.remove_prefix(dash + 1);
  }
  std::int64_t seconds = 0;
  for (bool more = true; more;) {
    const auto colon = text.find(':');
    const auto value = whole_number(text.substr(0, colon));
    if (!value) return std::nullopt;
    seconds = seconds * 60 + *value;
    more = colon != std::string_view::npos;
    if (more) text.remove_prefix(colon + 1);
  }
  return std::chrono::seconds(days * 86'400 + seconds);
}

std::optional<std::chrono::system_clock::time_point> slurm_end_time() {
  using Clock = std::chrono::system_clock;
  const auto job = whole_number(from_environment("SLURM_JOB_ID"));
  if (!job) return std::nullopt;
  if (const auto end = whole_number(from_environment("SLURM_JOB_END_TIME"))) {
    return Clock::time_point(std::chrono::seconds(*end));
  }
  const auto left = parse_slurm_duration(ask_squeue(*job));
  if (!left) return std::nullopt;
  return Clock::now() + *left;
}

}  // namespace dfm
