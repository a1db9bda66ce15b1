// The lines of a text file to which a run appends.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace dfm::report {

// The lines without their line breaks. What follows the last line break was torn by a kill and is left out.
// The views point into text.
std::vector<std::string_view> complete_lines(std::string_view text);

// The content of a metrics file; more than 2 GiB (about ten million steps) are a data error.
std::string read_metrics_text(const std::filesystem::path& path);

}  // namespace dfm::report
