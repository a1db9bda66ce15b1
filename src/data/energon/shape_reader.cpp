#include "data/energon/shape_reader.h"

#include "data/tensor/tensor_file.h"

namespace dfm::data {
namespace {

ReadAt reader_of(const File& shard, const SamplePart& part) {
  return [&shard, begin = part.content_offset](std::uint64_t offset, std::span<std::byte> buffer) {
    shard.read_exactly(buffer, begin + offset);
  };
}

}  // namespace

ShapeReader tensor_shape_reader() {
  return [](const File& shard, const SamplePart& pth, const SamplePart& pickle) {
    const TensorHeader latent = read_pth_header(reader_of(shard, pth), pth.content_size, "pth");
    const TensorHeader text =
        read_pickled_array_header(reader_of(shard, pickle), pickle.content_size, "pickle");
    return sample_shapes(latent.shape, text.shape);
  };
}

}  // namespace dfm::data
