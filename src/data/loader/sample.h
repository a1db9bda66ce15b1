// A training sample, and where samples come from.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/array.h"
#include "data/energon/sample_shapes.h"
#include "data/loader/sample_order.h"

namespace dfm::data {

struct Sample {
  std::string key;
  Array latent;  // [C, T, H, W], floating point
  Array text;    // [rows, width], floating point, at least one row
};

// [C, T, H, W].
Shape latent_shape(const SampleShape& shape);

// A data set as the loader sees it. The functions may be called from a reading thread; read throws
// a data error for a sample that cannot be used.
struct SampleSource {
  std::vector<std::int64_t> samples_in_shard;
  std::vector<BlendPart> blend;  // empty: one data set
  std::int64_t text_width = 0;
  std::string fingerprint;                         // changes when the data set does
  std::function<SampleShape(std::int64_t)> shape;  // not known for a sample that cannot be read
  // Nothing: a sample that is not to be trained on, by what it says of itself.
  std::function<std::optional<Sample>(std::int64_t)> read;

  std::int64_t count() const;
};

// Made-up samples of one shape: standard normal latents and text, a function of seed and sample number.
struct MockShape {
  std::int64_t samples = 1024;
  Shape latent;  // [C, T, H, W]
  std::int64_t text_rows = 512;
  std::int64_t text_width = 1024;
};

SampleSource mock_source(const MockShape& shape, std::uint64_t seed);

}  // namespace dfm::data
