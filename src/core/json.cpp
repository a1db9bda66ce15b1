#include "core/json.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"

namespace dfm {

Json parse_json(std::string_view text, std::string_view what) {
  static constexpr int kDeepest = 100;
  const auto refuse_depth = [](int depth, Json::parse_event_t, const Json&) {
    if (depth > kDeepest) throw data_error("nested too deeply");
    return true;
  };
  try {
    return Json::parse(text, refuse_depth);
  } catch (const Json::exception& error) {
    throw data_error(fmt::format("{} is not JSON: {}", what, error.what()));
  } catch (const Error& error) {
    throw data_error(fmt::format("{} is not acceptable JSON: {}", what, error.what()));
  }
}

Json read_json(const std::filesystem::path& path, std::uint64_t limit_bytes) {
  return parse_json(read_text(path, limit_bytes), path.native());
}

}  // namespace dfm
