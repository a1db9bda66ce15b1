#include "ckpt/export/metadata.h"

#include <charconv>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json.h"

namespace dfm::ckpt {

// Texts may be paths that are not UTF-8, which JSON cannot hold: they are replaced.
std::string config_as_text(const std::map<std::string, std::string>& config) {
  return Json(config).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::map<std::string, std::string> config_from_text(const std::string& text) {
  try {
    return parse_json(text, kConfigMetadata).get<std::map<std::string, std::string>>();
  } catch (const nlohmann::json::exception& error) {
    throw data_error(std::string(kConfigMetadata) + " is damaged: " + error.what());
  }
}

std::optional<std::int64_t> step_from_text(const std::string& text) {
  std::int64_t step = -1;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), step);
  if (error != std::errc{} || rest != text.data() + text.size() || step < 0) return std::nullopt;
  return step;
}

}  // namespace dfm::ckpt
