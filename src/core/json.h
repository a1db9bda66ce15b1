// JSON through nlohmann::json, with errors that name the file and limits that a hostile file meets.
//
// Keys keep the order in which they were written (ordered_json): the files of this project are compared byte
// for byte.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace dfm {

using Json = nlohmann::ordered_json;

// Throws a data error that begins with `what` (a file name) and holds the position of the mistake. Nesting
// deeper than 100 levels and an object with the same key twice are refused.
Json parse_json(std::string_view text, std::string_view what);

Json read_json(const std::filesystem::path& path, std::uint64_t limit_bytes = 64U << 20U);

}  // namespace dfm
