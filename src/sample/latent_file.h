// The latent of one sample on disk: a safetensors file that says what it was made from.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "core/array.h"

namespace dfm::sample {

void write_latent(const std::filesystem::path& path, const Array& latent, const std::string& prompt,
                  const std::string& recipe);

// Empty when there is none, when it cannot be read, or when it was made from something else.
std::optional<Array> read_latent(const std::filesystem::path& path, const std::string& prompt,
                                 const std::string& recipe);

}  // namespace dfm::sample
