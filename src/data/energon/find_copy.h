// Where a copy of a file is that is nearer than the file itself; empty where there is none (yet).
#pragma once

#include <filesystem>
#include <functional>
#include <optional>

namespace dfm::data {

using FindCopy = std::function<std::optional<std::filesystem::path>(const std::filesystem::path&)>;

}  // namespace dfm::data
