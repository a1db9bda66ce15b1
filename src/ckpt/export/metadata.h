// What exported files carry beside the tensors: the configuration of the training run as a JSON object of
// texts, and the step.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace dfm::ckpt {

inline constexpr const char* kConfigMetadata = "dfm.config";
inline constexpr const char* kStepMetadata = "dfm.step";

std::string config_as_text(const std::map<std::string, std::string>& config);
// Throws a data error for what is no such object.
std::map<std::string, std::string> config_from_text(const std::string& text);
// Empty for what is no step.
std::optional<std::int64_t> step_from_text(const std::string& text);

}  // namespace dfm::ckpt
