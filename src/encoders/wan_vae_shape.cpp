#include "encoders/wan_vae_shape.h"

#include <algorithm>
#include <cmath>

#include <fmt/ranges.h>

#include "core/error.h"

namespace dfm::encoders {
namespace {

constexpr std::int64_t kMostChannels = 1 << 14;
constexpr std::int64_t kMostResidualBlocks = 64;

template <class T>
void require(bool holds, const PretrainedConfig& config, const std::string& key, const T& value,
             const std::string& expected) {
  if (holds) return;
  throw data_error(fmt::format("{}: {} is {}, expected {}", (config.folder() / "config.json").native(), key,
                               value, expected),
                   "wan: takes the autoencoder of WAN 2.1 (AutoencoderKLWan, 8 x 8 pixels and 4 frames)");
}

// What decides whether this is the autoencoder at all.
void require_kind(const PretrainedConfig& config) {
  const std::string name = config.text("_class_name");
  require(name == "AutoencoderKLWan", config, "_class_name", name, "AutoencoderKLWan");
  const std::vector<double> attended = config.reals("attn_scales");
  require(attended.empty(), config, "attn_scales", attended, "none");
  require(!config.flag("is_residual", false), config, "is_residual", true, "false");
  for (const auto& [key, value] : {std::pair{"patch_size", 1},
                                   {"in_channels", 3},
                                   {"out_channels", 3},
                                   {"scale_factor_temporal", 4},
                                   {"scale_factor_spatial", 8}}) {
    const std::int64_t found = config.integer(key, value);
    require(found == value, config, key, found, std::to_string(value));
  }
}

std::vector<std::int64_t> stage_channels(const PretrainedConfig& config, const std::string& key,
                                         std::int64_t base) {
  std::vector<std::int64_t> channels = config.integers("dim_mult");
  require(channels.size() == WanVaeShape::kStages, config, "dim_mult", channels, "four numbers");
  for (std::int64_t& count : channels) {
    count *= base;
    require(count <= kMostChannels, config, key + " times dim_mult", count,
            fmt::format("{} at most", kMostChannels));
    require(count % 2 == 0, config, key + " times dim_mult", count, "an even number");
  }
  return channels;
}

std::vector<bool> halves_time(const PretrainedConfig& config) {
  std::vector<bool> halves = config.flags("temperal_downsample");
  require(halves.size() == WanVaeShape::kStages - 1 && std::ranges::count(halves, true) == 2, config,
          "temperal_downsample", halves, "three, of which two are true");
  return halves;
}

std::vector<double> channel_values(const PretrainedConfig& config, const std::string& key,
                                   std::int64_t channels) {
  std::vector<double> values = config.reals(key);
  require(std::ssize(values) == channels, config, "the length of " + key, values.size(),
          fmt::format("{}, as many as z_dim", channels));
  for (const double value : values)
    require(std::isfinite(static_cast<float>(value)), config, key, value, "a float32 number");
  return values;
}

std::vector<std::int64_t> encoder_channels(const PretrainedConfig& config) {
  const std::int64_t base = config.integer("base_dim");
  std::vector<std::int64_t> channels = stage_channels(config, "base_dim", base);
  channels.insert(channels.begin(), base);
  return channels;
}

std::vector<std::int64_t> decoder_channels(const PretrainedConfig& config) {
  const std::int64_t base = config.integer("decoder_base_dim", config.integer("base_dim"));
  std::vector<std::int64_t> channels = stage_channels(config, "decoder_base_dim", base);
  channels.push_back(channels.back());
  std::ranges::reverse(channels);
  return channels;
}

void require_bounds(const PretrainedConfig& config, const WanVaeShape& shape) {
  require(shape.latent_channels <= kMostChannels, config, "z_dim", shape.latent_channels,
          fmt::format("{} at most", kMostChannels));
  require(shape.residual_blocks <= kMostResidualBlocks, config, "num_res_blocks", shape.residual_blocks,
          fmt::format("{} at most", kMostResidualBlocks));
  for (const double value : shape.latent_std)
    require(static_cast<float>(value) > 0, config, "latents_std", value, "numbers above 0");
}

}  // namespace

WanVaeShape wan_vae_shape(const PretrainedConfig& config) {
  require_kind(config);
  const std::int64_t latent_channels = config.integer("z_dim");
  WanVaeShape shape{.latent_channels = latent_channels,
                    .encoder_channels = encoder_channels(config),
                    .decoder_channels = decoder_channels(config),
                    .residual_blocks = config.integer("num_res_blocks"),
                    .halves_time = halves_time(config),
                    .latent_mean = channel_values(config, "latents_mean", latent_channels),
                    .latent_std = channel_values(config, "latents_std", latent_channels)};
  require_bounds(config, shape);
  return shape;
}

}  // namespace dfm::encoders
