#include "data/energon/shape_reader.h"

#include <algorithm>

#include "core/error.h"
#include "data/tensor/tensor_file.h"

namespace dfm::data {
namespace {

ReadAt reader_of(const File& shard, const SamplePart& part) {
  return [&shard, begin = part.content_offset](std::uint64_t offset, std::span<std::byte> buffer) {
    shard.read_exactly(buffer, begin + offset);
  };
}

template <class Kinds>
TensorHeader header_of(const File& shard, const SamplePart& part, const Kinds& kinds) {
  const auto kind = std::ranges::find(kinds, without_dot(part.extension), &TensorPart::extension);
  ensure(kind != kinds.end(), "a part that is no tensor");
  return read_tensor_header(ByteRange::through(reader_of(shard, part), part.content_size), *kind,
                            kind->extension);
}

}  // namespace

ShapeReader tensor_shape_reader() {
  return [](const File& shard, const SamplePart& latent, const SamplePart& text) {
    return sample_shapes(header_of(shard, latent, kLatentParts).shape,
                         header_of(shard, text, kTextParts).shape);
  };
}

}  // namespace dfm::data
