#include "encoders/encoder_settings.h"

#include <array>
#include <span>

#include <fmt/ranges.h>

#include "core/error.h"
#include "encoders/encoder_name.h"

namespace dfm::encoders {
namespace {

constexpr const char *kCodec = "encoders.codec", *kText = "encoders.text", *kPrecision = "encoders.precision";

struct Kind {
  std::string_view name;
  bool has_weights;
};
constexpr std::array kCodecs{Kind{"dct", false}, Kind{"wan", true}};
constexpr std::array kTextEncoders{Kind{"hash", false}, Kind{"t5", true}, Kind{"umt5", true}};

std::string usage_of(std::span<const Kind> kinds) {
  std::vector<std::string> forms;
  for (const Kind& kind : kinds)
    forms.push_back(fmt::format("{}{}", kind.name, kind.has_weights ? ":DIR" : ""));
  return fmt::format("give one of {}", fmt::join(forms, ", "));
}

void require_known(const std::string& key, const std::string& name, std::span<const Kind> kinds) {
  const EncoderName parsed = parse_encoder_name(name);
  for (const Kind& kind : kinds) {
    if (kind.name != parsed.kind) continue;
    if (parsed.folder.empty() != kind.has_weights) return;
    throw usage_error(
        fmt::format("{} = {} {}", key, name,
                    kind.has_weights ? "names no folder of weights" : "has no weights in a folder"),
        usage_of(kinds));
  }
  throw usage_error(fmt::format("{} = {} is not known", key, name), usage_of(kinds));
}

std::string folder_of(const Config& config, const char* key, const std::string& trained) {
  if (config.origin(key) == kDefaultOrigin) return trained;
  const std::string& given = config.text(key);
  if (parse_encoder_name(given).kind == parse_encoder_name(trained).kind) return given;
  throw usage_error(fmt::format("{} = {}, but the weights were trained with {}", key, given, trained),
                    "only its folder may be another one");
}

at::ScalarType precision_of(const Config& config) {
  return config.text(kPrecision) == "fp32" ? at::kFloat : at::kBFloat16;
}

}  // namespace

bool EncoderSettings::have_weights() const {
  return !parse_encoder_name(codec).folder.empty() || !parse_encoder_name(text.name).folder.empty();
}

EncoderSettings encoder_settings(const Config& config) {
  require_known(kCodec, config.text(kCodec), kCodecs);
  require_known(kText, config.text(kText), kTextEncoders);
  return {config.text(kCodec),
          {config.text(kText), config.integer("encoders.text_length")},
          precision_of(config)};
}

EncoderSettings for_this_place(EncoderSettings trained, const Config& config) {
  encoder_settings(config);  // throws for names that are none
  trained.codec = folder_of(config, kCodec, trained.codec);
  trained.text.name = folder_of(config, kText, trained.text.name);
  if (config.origin(kPrecision) != kDefaultOrigin) trained.dtype = precision_of(config);
  return trained;
}

}  // namespace dfm::encoders
