#include "sample/latent_file.h"

#include "ckpt/safetensors.h"
#include "core/error.h"

namespace dfm::sample {
namespace {

constexpr const char* kTensor = "latent";

ckpt::TextMetadata metadata_of(const std::string& prompt, const std::string& recipe) {
  return {{"prompt", prompt}, {"recipe", recipe}};
}

}  // namespace

void write_latent(const std::filesystem::path& path, const Array& latent, const std::string& prompt,
                  const std::string& recipe) {
  ckpt::SafetensorsWriter writer(path, {{kTensor, latent.dtype, latent.shape}}, metadata_of(prompt, recipe));
  writer.append(latent.bytes);
  writer.commit();
}

std::optional<Array> read_latent(const std::filesystem::path& path, const std::string& prompt,
                                 const std::string& recipe) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  try {
    const ckpt::SafetensorsFile file(path);
    if (file.metadata() != metadata_of(prompt, recipe)) return std::nullopt;
    return file.read(kTensor);
  } catch (const Error&) {
    return std::nullopt;  // it is made again
  }
}

}  // namespace dfm::sample
