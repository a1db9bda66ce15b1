#include <numeric>

#include <fmt/core.h>

#include "core/hash.h"
#include "core/philox.h"
#include "data/loader/sample.h"

namespace dfm::data {
namespace {

std::vector<float> normals(const Philox& random, std::uint64_t first, std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  random.normals(first, values);
  return values;
}

}  // namespace

Shape latent_shape(const SampleShape& shape) {
  return {shape.channels, shape.frames, shape.height, shape.width};
}

std::int64_t SampleSource::count() const {
  return std::accumulate(samples_in_shard.begin(), samples_in_shard.end(), std::int64_t{0});
}

SampleSource mock_source(const MockShape& shape, std::uint64_t seed) {
  SampleSource source;
  source.samples_in_shard = {shape.samples};
  source.text_width = shape.text_width;
  source.fingerprint = fmt::format("mock {} {} {}x{} seed {}", shape.samples, to_text(shape.latent),
                                   shape.text_rows, shape.text_width, seed);
  source.shape = [shape](std::int64_t) {
    return sample_shapes(shape.latent, {shape.text_rows, shape.text_width}).shape;
  };
  source.read = [shape, seed](std::int64_t index) {
    const Philox random(seed, Stream::mock_data, static_cast<std::uint64_t>(index));
    const std::int64_t elements = element_count(shape.latent);
    const Shape text{shape.text_rows, shape.text_width};
    return Sample{fmt::format("mock_{:06}", index),
                  from_floats(normals(random, 0, elements), shape.latent, DType::float32),
                  from_floats(normals(random, static_cast<std::uint64_t>(elements), element_count(text)),
                              text, DType::float32)};
  };
  return source;
}

}  // namespace dfm::data
