#include "train/pictures.h"

#include <algorithm>

#include <fmt/core.h>

#include "comm/agree.h"
#include "core/error.h"
#include "core/stop_token.h"
#include "diffusion/generate.h"
#include "diffusion/objective.h"
#include "encoders/encoder_settings.h"
#include "media/image_writer.h"
#include "model/whole_packs.h"

namespace dfm::train {
namespace {

// Who draws which prompts. Ranks that give each other parameters all draw every prompt, so that their passes
// are the same.
struct Dealing {
  const comm::Group& together;  // draw the same prompt
  std::size_t dealers = 1, mine = 0;
};

Dealing dealing(const model::Backbone& network, const comm::GridGroups& groups) {
  if (network.idle_forward) return {groups.all};
  return {groups.replica, static_cast<std::size_t>(groups.data.size()),
          static_cast<std::size_t>(groups.data.rank())};
}

// Prompt by prompt, so that the result does not depend on which other prompts a rank has. Empty where one of
// those that draw it was asked to stop.
std::string draw(const model::Backbone& network, const PictureSettings& settings, std::size_t index,
                 const comm::Group& together) {
  const std::int64_t edge = settings.image_size / settings.codec.spatial_stride;
  const diffusion::Request request{settings.prompts[index], {settings.codec.channels, 1, edge, edge}, index};
  diffusion::GenerateSettings generation;
  generation.sampler.steps = settings.steps;
  generation.guidance = settings.guidance;
  generation.sigma_data = settings.sigma_data;
  generation.flow = settings.flow;
  const auto latents = diffusion::generate(
      network, {request}, generation,
      [&](std::int64_t, const at::Tensor&) { return !comm::stop_requested_anywhere(together); });
  return latents.empty() ? "" : media::encode_png(settings.codec.decode(latents.at(0)).at(0));
}

// Collective. Each prompt encoded by rank 0, for all.
std::vector<Array> encoded(const std::vector<std::string>& prompts, const encoders::EncoderSettings& chosen,
                           const comm::Group& world) {
  std::vector<Array> rows(prompts.size());
  comm::agreed(world, [&] {
    if (world.rank() != 0) return;
    const encoders::TextEncoder encoder = encoders::make_text_encoder(chosen.text, {chosen.dtype, at::kCPU});
    std::ranges::transform(prompts, rows.begin(), encoder.encode);
  });
  for (Array& each : rows) {
    each.shape.resize(2);  // [rows, width]
    world.broadcast(std::as_writable_bytes(std::span(each.shape)), 0);
    if (world.rank() != 0) each = make_array(DType::float16, each.shape);
    world.broadcast(std::span(each.bytes), 0);
  }
  return rows;
}

void require_fitting_encoders(const Config& config, const model::BackboneSpec& model) {
  const auto [codec, text, dtype] = encoders::encoder_settings(config);
  const std::int64_t width = encoders::text_width(text.name);
  if (width != model.text_width) {
    throw usage_error(
        fmt::format("validation.prompts are encoded {} wide (encoders.text = {}), the model takes {}", width,
                    text.name, model.text_width),
        fmt::format("leave validation.prompts out, or give {}={}", model.text_width_key, width));
  }
  const std::int64_t channels = encoders::codec_shape(codec).channels;
  if (channels == model.patches.in_channels) return;
  throw usage_error(
      fmt::format("pictures of validation.prompts have {} channels (encoders.codec = {}), the model {}",
                  channels, codec, model.patches.in_channels),
      fmt::format("leave validation.prompts out, or give model.in_channels={}", channels));
}

// A picture of the validation samples' size, where none is given.
std::int64_t image_size_of(const Config& config, std::int64_t latent_edge, std::int64_t stride) {
  return config.optional_integer("validation.image_size").value_or(latent_edge * stride);
}

void require_fitting_size(const Config& config, const model::BackboneSpec& model, std::int64_t latent_edge) {
  const model::PatchShape& patches = model.patches;
  if (patches.temporal != 1) {
    throw usage_error(fmt::format("pictures of validation.prompts are one frame, but patches are {} deep "
                                  "(model.patch_temporal)",
                                  patches.temporal),
                      "leave validation.prompts out");
  }
  const std::int64_t stride = encoders::codec_shape(config.text("encoders.codec")).spatial_stride;
  const std::int64_t size = image_size_of(config, latent_edge, stride);
  const std::int64_t patch = patches.spatial * stride;  // pixels
  const std::int64_t most =
      model.most_positions ? std::ranges::min(*model.most_positions) * patch : size / patch * patch;
  if (size % patch == 0 && size <= most) return;
  const std::int64_t nearest = std::clamp(size / patch * patch, patch, std::max(most, patch));
  throw usage_error(
      fmt::format(
          "pictures of validation.prompts would be {} x {} pixels, which the model cannot draw: it "
          "takes multiples of {}{}",
          size, size, patch,
          model.most_positions ? fmt::format(" up to {} (model.max_img_h, model.max_img_w)", most) : ""),
      fmt::format("give validation.image_size={}", nearest));
}

}  // namespace

void require_fitting_prompts(const Config& config, const model::BackboneSpec& model,
                             std::int64_t latent_edge) {
  if (config.texts("validation.prompts").empty()) return;
  require_fitting_encoders(config, model);
  require_fitting_size(config, model, latent_edge);
}

PictureSettings picture_settings(const Config& config, std::int64_t latent_edge, const comm::Group& world,
                                 const at::Device& device) {
  if (config.texts("validation.prompts").empty()) return {};
  const encoders::EncoderSettings chosen = encoders::encoder_settings(config);
  PictureSettings settings{.prompts = encoded(config.texts("validation.prompts"), chosen, world),
                           .steps = config.integer("validation.num_steps"),
                           .guidance = config.real("validation.guidance"),
                           .sigma_data = config.real("diffusion.sigma_data"),
                           .codec = comm::agreed(world, [&] {
                             return encoders::make_codec(chosen.codec, {chosen.dtype, device});
                           })};
  if (diffusion::objective_kind(config) == diffusion::ObjectiveKind::flow) {
    settings.flow = diffusion::FlowSamplerSettings{.steps = settings.steps};
  }
  settings.image_size = image_size_of(config, latent_edge, settings.codec.spatial_stride);
  return settings;
}

std::vector<std::string> draw_pictures(const model::Backbone& network, const PictureSettings& settings,
                                       const comm::GridGroups& groups) {
  const model::Backbone whole = model::on_whole_packs(network, nn::model_parallel(groups));
  const Dealing deal = dealing(network, groups);
  std::vector<std::string> pictures;
  for (std::size_t first = 0; first < settings.prompts.size(); first += deal.dealers) {
    const std::size_t mine = first + deal.mine;
    const std::string png =
        mine < settings.prompts.size() ? draw(whole, settings, mine, deal.together) : std::string();
    comm::agreed(groups.all, [] { StopToken::throw_if_requested(); });
    if (deal.dealers == 1) {
      pictures.push_back(png);
      continue;
    }
    for (std::string& each : groups.data.all_gather_text(png)) {
      if (!each.empty()) pictures.push_back(std::move(each));
    }
  }
  return pictures;
}

}  // namespace dfm::train
