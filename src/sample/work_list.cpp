#include "sample/work_list.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <sstream>

#include <fmt/core.h>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

namespace dfm::sample {
namespace fs = std::filesystem;
namespace {

std::vector<std::string> all_prompts(const Config& config) {
  std::vector<std::string> prompts = config.texts("sample.prompts");
  if (!config.is_null("sample.prompt_file")) {
    const std::string& file = config.text("sample.prompt_file");
    const std::string content = read_text(file);
    if (!is_utf8(content))
      throw data_error(fmt::format("{} is not UTF-8", file), "save it with that encoding");
    std::istringstream lines{std::string(without_bom(content))};
    for (std::string line; std::getline(lines, line);) {
      if (!trimmed(line).empty()) prompts.emplace_back(trimmed(line));
    }
  }
  if (prompts.empty()) {
    throw usage_error("there is nothing to draw",
                      "give --prompt TEXT (any number of them), or --prompt-file FILE");
  }
  return prompts;
}

void refuse_too_many(std::size_t prompts, std::int64_t samples_per_prompt) {
  constexpr std::int64_t kMostSamples = 1'000'000;  // their names have six digits
  if (static_cast<std::int64_t>(prompts) <= kMostSamples / samples_per_prompt) return;
  throw usage_error(fmt::format("{} prompts with {} samples each are more than {}", prompts,
                                samples_per_prompt, kMostSamples),
                    "divide them over several calls, each with a folder of its own");
}

// sample.output is a folder, or the name of the only result.
bool names_a_file(const fs::path& output) {
  return output.extension() == ".png" || output.extension() == ".mp4";
}

// Nobody wants a folder of such a name.
void refuse_other_formats(const fs::path& output, std::int64_t frames) {
  static constexpr std::array kEndings{".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff",
                                       ".png", ".mp4",  ".webm", ".mov", ".mkv", ".avi"};
  std::string ending = output.extension().native();
  std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return std::tolower(c); });
  if (names_a_file(output) || std::ranges::find(kEndings, ending) == kEndings.end()) return;
  throw usage_error(fmt::format("sample.output is {}, a format that is not written", output.native()),
                    fmt::format("name it {}, or name a folder",
                                fs::path(output).replace_extension(frames == 1 ? ".png" : ".mp4").native()));
}

void require_fitting_suffix(const fs::path& output, std::int64_t frames) {
  const char* const suffix = frames == 1 ? ".png" : ".mp4";
  if (output.extension() == suffix) return;
  throw usage_error(
      fmt::format("sample.output is {}, but {} frames make a {} file", output.native(), frames, suffix),
      fmt::format("name it {}", fs::path(output).replace_extension(suffix).native()));
}

}  // namespace

std::string file_name_part(const std::string& prompt) {
  static constexpr std::size_t kLongest = 50;
  std::string part;
  for (const char c : prompt.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    part += std::isalnum(byte) != 0 || c == '-' ? c : '_';
  }
  return part;
}

WorkList work_list(const Config& config) {
  const fs::path output = config.text("sample.output");
  refuse_other_formats(output, config.integer("sample.num_frames"));
  const std::vector<std::string> prompts = all_prompts(config);
  WorkList list;
  list.samples_per_prompt = config.integer("sample.samples_per_prompt");
  refuse_too_many(prompts.size(), list.samples_per_prompt);
  list.folder = names_a_file(output) ? output.parent_path() : output;
  for (const std::string& prompt : prompts) {
    for (std::int64_t i = 0; i < list.samples_per_prompt; ++i) {
      const std::uint64_t number = list.items.size();
      list.items.push_back({number, prompt, fmt::format("{:06}_{}", number, file_name_part(prompt))});
    }
  }
  if (!names_a_file(output)) return list;
  require_fitting_suffix(output, config.integer("sample.num_frames"));
  if (list.items.size() > 1) {
    throw usage_error(
        fmt::format("{} names one file, but {} samples are asked for", output.native(), list.items.size()),
        "give a folder");
  }
  list.items[0].name = output.stem().native();
  list.is_one_file = true;
  return list;
}

}  // namespace dfm::sample
