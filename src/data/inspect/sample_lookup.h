// One sample by its key, for dfm_index --show: where it lies and what its parts are.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace dfm::data {

struct ShownSample {
  std::string text;  // for people
  std::string json;
};

// Types and shapes of tensors come from their headers; .json parts and short texts are shown. Throws a data
// error for a key that is not there, with the nearest one as the hint, and for a data set without
// index.sqlite.
ShownSample show_sample(const std::filesystem::path& root, std::string_view key);

}  // namespace dfm::data
