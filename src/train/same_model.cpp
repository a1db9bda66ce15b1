#include "train/same_model.h"

#include <functional>
#include <vector>

#include <fmt/ranges.h>

#include "core/error.h"

namespace dfm::train {
namespace {

// Keys that change what a weight means.
bool defines_weights(const std::string& key) {
  return key.starts_with("model.") && !key.ends_with("_parallel_size") && key != "model.sequence_parallel" &&
         key != "model.cp_comm_type" && key != "model.hierarchical_context_parallel_sizes" &&
         !key.starts_with("model.recompute_") && key != "model.init_method_std" &&
         key != "model.zero_init_output";
}

std::vector<std::string> differences(const Config& config, const OtherModel& other,
                                     const std::function<bool(const std::string&)>& matters) {
  std::vector<std::string> found;
  for (const auto& [key, ours] : config.values_as_text()) {
    const auto theirs = other.config.find(key);
    if (!matters(key) || theirs == other.config.end() || theirs->second == ours) continue;
    found.push_back(fmt::format("{} is {} there and {} here", key, theirs->second, ours));
  }
  return found;
}

void require_none(const std::vector<std::string>& found, const OtherModel& other, const char* remedy) {
  if (found.empty()) return;
  throw usage_error(fmt::format("{} is of another model: {}", other.title, fmt::join(found, "; ")), remedy);
}

}  // namespace

void require_same_model(const Config& config, const OtherModel& other) {
  const auto matters = [](const std::string& key) {
    return key == "diffusion.objective" || defines_weights(key);
  };
  require_none(differences(config, other, matters), other,
               "give the same model.* keys, or another checkpoint.save");
}

void require_same_weights(const Config& config, const OtherModel& other) {
  const auto matters = [](const std::string& key) {
    return defines_weights(key) && !key.starts_with("model.max_");
  };
  require_none(differences(config, other, matters), other, "give the same model.* keys, or other weights");
}

}  // namespace dfm::train
