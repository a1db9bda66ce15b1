// The first samples of a shard, as the dialog of dfm_index shows them.
#pragma once

#include <filesystem>
#include <string>

namespace dfm::data {

// The parts of the first two samples and, shortened, what their .json parts hold.
std::string preview_samples(const std::filesystem::path& root, const std::string& shard);

}  // namespace dfm::data
