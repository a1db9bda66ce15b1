// A checkpoint that could not be used is set aside: iter_0001000 becomes iter_0001000.damaged, with a text
// that says why. It is no longer found, and the same step can be saved again.
#pragma once

#include <filesystem>
#include <string>

namespace dfm::ckpt {

// Returns its new name; the old one, with a warning, where it cannot be renamed. Called on one rank.
std::filesystem::path set_aside(const std::filesystem::path& folder, const std::string& why);

// Whether this is the name of a checkpoint that was set aside.
bool is_set_aside(const std::filesystem::path& folder);

}  // namespace dfm::ckpt
