#include <fmt/core.h>

#include "ckpt/export/metadata.h"
#include "ckpt/import/foreign.h"
#include "ckpt/safetensors.h"

namespace dfm::ckpt {

Source open_safetensors_source(const std::filesystem::path& path) {
  const auto file = std::make_shared<const SafetensorsFile>(path);
  Source source;
  source.title = path.native();
  const TextMetadata& metadata = file->metadata();
  if (const auto found = metadata.find(kConfigMetadata); found != metadata.end()) {
    source.config = config_from_text(found->second);
  }
  if (const auto found = metadata.find(kStepMetadata); found != metadata.end()) {
    source.step = step_from_text(found->second);
  }
  for (const TensorEntry& entry : file->entries()) {
    SourceTensor tensor{.name = entry.name, .dtype = entry.dtype, .shape = entry.shape};
    tensor.read = [file, name = entry.name](std::int64_t begin, std::span<std::byte> out) {
      file->read_elements(name, begin, out);
    };
    source.tensors.push_back(std::move(tensor));
  }
  return source;
}

}  // namespace dfm::ckpt
