#include "core/json.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "core/json_builder.h"

namespace dfm {

Json parse_json(std::string_view text, std::string_view what) {
  try {
    JsonBuilder builder(RepeatedKeys::refused);
    Json::sax_parse(text, &builder);
    return builder.take();
  } catch (const Error& error) {
    throw data_error(fmt::format("{} {}", what, error.what()));
  }
}

Json read_json(const std::filesystem::path& path, std::uint64_t limit_bytes) {
  return parse_json(read_text(path, limit_bytes), path.native());
}

}  // namespace dfm
