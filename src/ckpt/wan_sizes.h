// The sizes of a WAN 2.1 as diffusers' WanTransformer3DModel has them: in its config.json, and in keys of
// [model].
//
//   const WanConfig read = read_wan_config(folder / "config.json");   // checked; read.keys describe it to
//   dfm const WanSizes sizes = wan_sizes(source.config);                  // of weights that dfm trained
//   const std::string text = wan_config_json(sizes);
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace dfm::ckpt {

struct WanSizes {
  std::int64_t layers = 0, heads = 0, hidden = 0, ffn = 0;
  std::int64_t text_dim = 0, freq_dim = 0, channels = 0;
  double epsilon = 0;

  std::int64_t head_width() const { return hidden / heads; }
};

// From a configuration as checkpoints record it. Throws a usage error, which names the key, for a model that
// is no WanTransformer3DModel.
WanSizes wan_sizes(const std::map<std::string, std::string>& config);

struct WanConfig {
  WanSizes sizes;
  std::map<std::string, std::string> keys;  // of [model], as a run would record them
};

// Throws a data error, which names key and value, for another network than WAN's text-to-video and for sizes
// that are none.
WanConfig read_wan_config(const std::filesystem::path& path);

std::string wan_config_json(const WanSizes& sizes);

}  // namespace dfm::ckpt
