#include "sample/sampling_settings.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/core.h>

#include "config/keys.h"
#include "config/layers.h"
#include "core/error.h"
#include "encoders/codec.h"
#include "encoders/text_encoder.h"

namespace dfm::sample {
namespace {

constexpr std::int64_t kPixelMultiple = 16;

struct Size {
  std::int64_t width, height;
};

// "480*832" is width times height (spec/dfm.md section 3.6).
Size parse_size(const std::string& text) {
  Size size{};
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, size.width);
  if (first.ec == std::errc{} && first.ptr != end && (*first.ptr == '*' || *first.ptr == 'x')) {
    const auto second = std::from_chars(first.ptr + 1, end, size.height);
    if (second.ec == std::errc{} && second.ptr == end) return size;
  }
  throw usage_error(fmt::format("size '{}' is not WIDTH*HEIGHT", text), "for example 832*480");
}

// In the measure of sample.guidance. Empty where nothing is given.
std::optional<double> guidance(const Config& config) {
  const auto given = config.optional_real("sample.guidance"),
             scale = config.optional_real("sample.guide_scale");
  if (given && scale) {
    throw usage_error("both sample.guidance and sample.guide_scale are given",
                      "they say the same: sample.guide_scale is sample.guidance + 1");
  }
  return scale ? std::optional(*scale - 1) : given;
}

// Checked once it is known how the model was trained.
void refuse_keys_of_the_other_kind(const Config& config, bool flows) {
  static constexpr std::array kOfEdm{"sample.sigma_min", "sample.sigma_max", "sample.rho", "sample.s_churn"};
  if (!flows)
    return refuse_idle(config, "sample.shift", "a model trained by EDM",
                       "it is for flow matching: leave it out");
  for (const char* const key : kOfEdm)
    refuse_idle(config, key, "a model trained by flow matching", "it is for EDM: leave it out");
}

void refuse_idle_keys(const Config& config) {
  if (!config.is_null("sample.size")) {
    for (const char* const key : {"sample.height", "sample.width"})
      refuse_idle(config, key, "sample.size = " + config.text("sample.size"), "leave out one of the two");
  }
  if (guidance(config) == 0.0)
    refuse_idle(config, "sample.negative_prompt", "a guidance of 0", "leave it out, or guide by more than 0");
  for (const auto& [key, value] : config.values_as_text()) {
    const bool is_of_this_place = key.starts_with("encoders.") && key != "encoders.text_length";
    if (describes_weights(key) && !is_of_this_place && !key.ends_with("_parallel_size"))
      refuse_idle(config, key, "weights that carry their configuration", "leave it out");
  }
}

}  // namespace

SamplingSettings sampling_settings(const Config& config) {
  refuse_idle_keys(config);
  SamplingSettings settings;
  settings.generation.sampler = diffusion::sampler_settings(config);
  settings.generation.guidance = guidance(config).value_or(7);
  settings.negative_prompt = config.optional_text("sample.negative_prompt");
  settings.generation.seed = static_cast<std::uint64_t>(config.integer("sample.seed"));
  settings.width = config.integer("sample.width");
  settings.height = config.integer("sample.height");
  if (!config.is_null("sample.size")) {
    const Size size = parse_size(config.text("sample.size"));
    settings.width = size.width;
    settings.height = size.height;
  }
  for (const std::int64_t edge : {settings.width, settings.height}) {
    if (edge >= kPixelMultiple && edge % kPixelMultiple == 0) continue;
    throw usage_error(
        fmt::format("{} pixels are not a multiple of {}", edge, kPixelMultiple),
        fmt::format("use {}", std::max(kPixelMultiple, edge / kPixelMultiple * kPixelMultiple)));
  }
  settings.frames = config.integer("sample.num_frames");
  encoders::latent_frames(settings.frames);  // throws for a count that cannot be encoded
  settings.frames_per_second = static_cast<int>(config.integer("sample.fps"));
  settings.batch_size = config.integer("sample.batch_size");
  return settings;
}

void fit_to_model(SamplingSettings& settings, const Config& config, const SamplingModel& model) {
  const bool flows = model.objective == diffusion::ObjectiveKind::flow;
  const std::string& sampler = config.text("sample.sampler");
  if (sampler == (flows ? "heun" : "unipc")) {
    throw usage_error(fmt::format("sample.sampler = {} with a model trained by {}", sampler,
                                  flows ? "flow matching" : "EDM"),
                      flows ? "use unipc or euler" : "use heun or euler");
  }
  refuse_keys_of_the_other_kind(config, flows);
  const std::string& text_encoder = model.encoders.text.name;
  const std::int64_t width = encoders::text_width(text_encoder);
  if (width != model.text_width) {
    throw usage_error(fmt::format("the text encoder '{}' gives rows of width {}, the model takes {}",
                                  text_encoder, width, model.text_width),
                      "train with encoders.text as the data were prepared");
  }
  settings.generation.sigma_data = model.sigma_data;
  if (!flows) return;
  settings.generation.flow = diffusion::flow_sampler_settings(config);
  settings.generation.guidance = guidance(config).value_or(4);
}

}  // namespace dfm::sample
