// WanTransformer3DModel as diffusers saves it: config.json beside weights in one file, or in parts.
#include <fmt/core.h>

#include "ckpt/import/foreign.h"
#include "ckpt/wan_names.h"
#include "core/error.h"

namespace dfm::ckpt {
namespace fs = std::filesystem;
namespace {

fs::path weights_file(const fs::path& folder) {
  return folder / fmt::format("{}.safetensors", kDiffusersStem);
}

fs::path index_file(const fs::path& folder) {
  return folder / fmt::format("{}.safetensors.index.json", kDiffusersStem);
}

bool has_weights(const fs::path& folder) {
  std::error_code unreadable;  // then it is not there, as far as is known
  return fs::exists(weights_file(folder), unreadable) || fs::exists(index_file(folder), unreadable);
}

// The folder around, without a slash at its end.
fs::path pipeline_around(const fs::path& folder) {
  const fs::path path = fs::absolute(folder).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).parent_path();
}

// WAN 2.2 has one network for the first steps and one for the others.
void refuse_two_networks(const fs::path& path, const fs::path& folder) {
  if (folder == path || !has_weights(path / "transformer_2")) return;
  throw data_error(fmt::format("{} holds two networks, transformer and transformer_2", path.native()),
                   "dfm has one: give the folder of the one that is meant");
}

void describe(Source& source, const fs::path& folder, const WanConfig& config) {
  for (const auto& [key, text] : config.keys) source.config[key] = text;
  source.config.emplace("model.text_len", "512");  // as the published ones were trained
  source.config.emplace("diffusion.objective", "flow");
  const fs::path pipeline = pipeline_around(folder);
  if (!fs::exists(pipeline / "vae") || !fs::exists(pipeline / "text_encoder")) return;
  source.config["encoders.codec"] = "wan:" + pipeline.native();
  source.config["encoders.text"] = "umt5:" + pipeline.native();
}

}  // namespace

std::optional<fs::path> diffusers_folder(const fs::path& path) {
  for (const fs::path& folder : {path, path / "transformer"}) {
    if (has_weights(folder)) return folder;
  }
  return std::nullopt;
}

Source open_diffusers_source(const fs::path& path) {
  const fs::path folder = diffusers_folder(path).value_or(path);
  refuse_two_networks(path, folder);
  const fs::path config_path = folder / kDiffusersConfigName;
  if (!fs::exists(config_path)) {
    throw data_error(fmt::format("{} is not there, beside weights", config_path.native()),
                     "copy it from where the weights come from: it says of which network they are");
  }
  const WanConfig config = read_wan_config(config_path);
  const bool is_whole = fs::exists(weights_file(folder));
  Source source =
      is_whole ? open_safetensors_source(weights_file(folder)) : open_safetensors_parts(index_file(folder));
  source.title = fmt::format("WanTransformer3DModel of {}", folder.native());
  source.path = folder;
  source.tensors = wan_from_diffusers(std::move(source.tensors), config.sizes);
  describe(source, folder, config);
  return source;
}

}  // namespace dfm::ckpt
