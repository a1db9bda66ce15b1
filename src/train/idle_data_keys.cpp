#include "train/idle_data_keys.h"

#include <array>
#include <string_view>

#include <fmt/core.h>

#include "config/layers.h"
#include "core/error.h"

namespace dfm::train {
namespace {

constexpr const char* kWithMock = "dataset.mock = true";

void refuse_beside_mock(const Config& config) {
  if (!config.is_null("dataset.aesthetic_score")) {
    throw usage_error(
        fmt::format("dataset.aesthetic_score = {} has no effect with {}",
                    config.values_as_text().at("dataset.aesthetic_score"), kWithMock),
        "made-up samples have no scores: leave out --mock, or give dataset.aesthetic_score=null");
  }
  refuse_idle(config, "dataset.path", kWithMock,
              "the samples would be made up: leave out the path, or give dataset.mock=false");
}

void refuse_without_mock(const Config& config) {
  static constexpr std::array kOfMock{"dataset.mock_samples", "dataset.F_latents", "dataset.H_latents",
                                      "dataset.W_latents", "dataset.context_seq_len"};
  for (const char* const key : kOfMock) {
    // A plan knows no data set's texts, and takes their length from there.
    if (config.flag("train.plan") && key == std::string_view("dataset.context_seq_len")) continue;
    refuse_idle(config, key, "a data set", "it sizes made-up samples: leave it out, or give --mock");
  }
}

void refuse_idle_balance(const Config& config) {
  const std::string& batching = config.text("dataset.batching");
  if (batching == "buckets") {
    if (config.text("dataset.balance") != "steps") return;
    return refuse_idle(config, "dataset.balance", "dataset.batching = buckets",
                       "buckets decide which samples share a step: leave it out");
  }
  if (config.text("dataset.balance") == "steps") return;
  refuse_idle(config, "dataset.packing_buffer_size", "dataset.balance = ranks",
              "samples then keep their places: leave it out, or give dataset.balance=steps");
}

}  // namespace

void refuse_idle_data_keys(const Config& config) {
  if (config.flag("dataset.mock")) {
    refuse_beside_mock(config);
  } else if (!config.is_null("dataset.path")) {
    refuse_without_mock(config);
  }
  refuse_idle_balance(config);
}

}  // namespace dfm::train
