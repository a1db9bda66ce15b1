// What is to be sampled, and under which names it is written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "config/config.h"

namespace dfm::sample {

struct WorkItem {
  std::uint64_t number = 0;  // keys the noise
  std::string prompt;
  std::string name;  // of its files, without folder and extension
};

struct WorkList {
  std::filesystem::path folder;
  std::vector<WorkItem> items;  // all samples of the first prompt, then of the second, ...
  std::int64_t samples_per_prompt = 1;
  bool is_one_file = false;  // sample.output names the only result; its folder may be anybody's
};

// From sample.prompts, sample.prompt_file, sample.samples_per_prompt and sample.output. Throws a usage error
// without prompts.
WorkList work_list(const Config& config);

// A prompt as part of a file name: at most 50 characters, only letters, digits, '-' and '_'.
std::string file_name_part(const std::string& prompt);

}  // namespace dfm::sample
