// Files that go with others are readable by the same people: access modes are copied, as the reference does.
#pragma once

#include <filesystem>

namespace dfm::data {

// Gives `to` the permissions of `from`, and its owner at least those to read and write (folders: to enter,
// too). Where the file system does not let us, nothing happens.
void copy_mode(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace dfm::data
