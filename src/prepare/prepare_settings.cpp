#include <fmt/core.h>

#include "config/layers.h"
#include "core/error.h"
#include "media/image.h"
#include "nn/rank_device.h"
#include "prepare/prepare.h"

namespace dfm::prepare {
namespace {

void refuse_idle_keys(const Config& config, const PrepareSettings& settings) {
  if (settings.synthetic > 0) return;
  if (settings.video_mode == VideoMode::video) {
    refuse_idle(config, "prepare.num_frames", "prepare.mode = video",
                "a video becomes one sample of its first 4n + 1 frames: leave it out, or give --mode frames");
  }
  if (settings.height != 0) return;
  for (const char* const key : {"prepare.resize_mode", "prepare.center_crop", "prepare.no_aspect_ratio"})
    refuse_idle(config, key, "prepare.height = null",
                "pictures keep their size then: leave it out, or give --height and --width");
}

// Otherwise each picture would be found impossible by itself, and left out.
void require_possible_area(const PrepareSettings& settings) {
  if (std::int64_t{settings.height} * settings.width <= media::kMostPixels) return;
  throw usage_error(
      fmt::format("prepare.height x prepare.width = {} x {} are more pixels than a picture may have",
                  settings.height, settings.width),
      fmt::format("choose them so that they make at most {} pixels", media::kMostPixels));
}

void require_both_or_none(const PrepareSettings& settings) {
  for (const int edge : {settings.height, settings.width}) {
    if (edge % 16 != 0) {
      throw usage_error(fmt::format("{} pixels are not a multiple of 16", edge),
                        fmt::format("use {} or {}", edge / 16 * 16, (edge / 16 + 1) * 16));
    }
  }
  require_possible_area(settings);
  if ((settings.height == 0) == (settings.width == 0)) return;
  throw usage_error("only one of prepare.height and prepare.width is given", "give both, or none");
}

void require_no_source_of_synthetic(const PrepareSettings& settings) {
  if (settings.synthetic == 0 || settings.source.empty()) return;
  throw usage_error(
      fmt::format("prepare.synthetic takes no source, but {} is given", settings.source.native()),
      "name the folder for the shards by --output-dir alone");
}

void require_size_of_synthetic(const PrepareSettings& settings) {
  if (settings.synthetic == 0 || settings.height != 0) return;
  throw usage_error("synthetic samples have no size of their own", "give --height and --width");
}

// What scripts that called prepare_dataset_wan.py may hand on and nothing here could do.
void refuse_what_has_no_meaning(const Config& config) {
  if (config.text("prepare.output_format") != "energon") {
    throw usage_error("dfm_prepare writes no files of the format automodel",
                      "leave out --output-format: dfm_train and Megatron-Energon read webdataset shards");
  }
  if (config.flag("prepare.stochastic")) {
    throw usage_error("latents are the mean of a codec's distribution, not drawn from it",
                      "leave out --stochastic");
  }
  if (config.flag("prepare.no_memory_optimization")) {
    throw usage_error("no codec cuts pictures into slices or tiles to save memory",
                      "leave out --no-memory-optimization");
  }
  if (const auto model = config.optional_text("prepare.model")) {
    throw usage_error(
        fmt::format("prepare.model = {}: no codec or text encoder is loaded by such a name", *model),
        "leave out --model; encoders.codec and encoders.text choose, and name the folders of weights");
  }
}

Fit fit_of(const Config& config) {
  if (config.flag("prepare.no_aspect_ratio")) return Fit::stretch;
  return config.flag("prepare.center_crop") ? Fit::crop : Fit::inside;
}

}  // namespace

at::Device encoder_device(const Config& config, const comm::Group& world, int local_rank) {
  const encoders::EncoderSettings chosen = encoders::encoder_settings(config);
  if (chosen.have_weights()) return nn::open_keyed_device(config, "prepare.device", world, local_rank);
  if (config.text("prepare.device") != "cuda") return at::kCPU;
  throw usage_error(
      fmt::format("codec '{}' and text encoder '{}' run on processors alone", chosen.codec, chosen.text.name),
      "leave out --device, and start more ranks to be faster");
}

PrepareSettings prepare_settings(const Config& config, const at::Device& device) {
  refuse_what_has_no_meaning(config);
  PrepareSettings settings;
  settings.synthetic = config.optional_integer("prepare.synthetic").value_or(0);
  settings.source = settings.synthetic == 0 ? config.text("prepare.source")
                                            : config.optional_text("prepare.source").value_or("");
  require_no_source_of_synthetic(settings);
  settings.output = config.text("prepare.output");
  settings.height = static_cast<int>(config.optional_integer("prepare.height").value_or(0));
  settings.width = static_cast<int>(config.optional_integer("prepare.width").value_or(0));
  settings.resize_mode = media::parse_resize_mode(config.text("prepare.resize_mode"));
  settings.resize_mode_name = config.text("prepare.resize_mode");
  settings.fit = fit_of(config);
  settings.video_mode = config.text("prepare.mode") == "frames" ? VideoMode::frames : VideoMode::video;
  settings.num_frames = config.integer("prepare.num_frames");
  settings.shard_maxcount = config.integer("prepare.shard_maxcount");
  settings.on_bad_input = config.text("prepare.on_bad_input") == "fail" ? OnBadInput::fail : OnBadInput::skip;
  settings.fingerprint = fmt::format("{} x {} {}, {} a shard", settings.width, settings.height,
                                     config.text("prepare.resize_mode"), settings.shard_maxcount);
  if (settings.fit != Fit::crop)
    settings.fingerprint += settings.fit == Fit::stretch ? ", stretched" : ", inside";
  if (settings.video_mode == VideoMode::frames) {
    settings.fingerprint += fmt::format(", {} frames of a video", settings.num_frames);
  }
  if (settings.synthetic > 0) {
    settings.fingerprint += fmt::format(", synthetic of {} frames", settings.num_frames);
  }
  require_both_or_none(settings);
  require_size_of_synthetic(settings);
  refuse_idle_keys(config, settings);
  settings.encoders = encoders::open_encoders(encoders::encoder_settings(config), device);
  settings.fingerprint +=
      fmt::format(", {}, {}", settings.encoders.codec.fingerprint, settings.encoders.text.fingerprint);
  return settings;
}

}  // namespace dfm::prepare
