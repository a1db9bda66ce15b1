#include "data/loader/decode_sample.h"

#include <algorithm>
#include <span>
#include <utility>

#include <fmt/core.h>

#include "core/error.h"
#include "data/loader/sane_values.h"
#include "data/tensor/error_context.h"
#include "data/tensor/tensor_file.h"

namespace dfm::data {
namespace {

using TensorIn = FoundPart<RawPart>;

TensorIn require_part(const RawSample& raw, std::span<const TensorPart> kinds) {
  if (const TensorIn found = find_part(raw.parts, kinds)) return found;
  throw data_error(fmt::format("it has no .{} part", kinds.front().extension),
                   "prepare the data with dfm_prepare");
}

std::string file_name(const RawSample& raw, const TensorIn& found) {
  return fmt::format("{}.{}", raw.key, found.kind->extension);
}

Array without_leading_ones(Array array, std::size_t rank) {
  while (array.shape.size() > rank && array.shape.front() == 1) array.shape.erase(array.shape.begin());
  if (array.shape.size() != rank) {
    throw data_error(fmt::format("a tensor has the shape {}, not {} axes", to_text(array.shape), rank));
  }
  return array;
}

// An array, and whether its values can be trained on.
struct ReadPart {
  Array array;
  bool is_sane = true;
};

ReadPart read_part(const RawSample& raw, std::span<const TensorPart> kinds, std::size_t rank) {
  const TensorIn found = require_part(raw, kinds);
  ReadPart read;
  read.array = read_tensor(found.part->content, *found.kind, file_name(raw, found),
                           [&](DType dtype, std::span<const std::byte> piece) {
                             read.is_sane = read.is_sane && are_sane(dtype, piece);
                           });
  read.array = without_leading_ones(std::move(read.array), rank);
  return read;
}

Shape shape_of_part(const RawSample& raw, std::span<const TensorPart> kinds) {
  const TensorIn found = require_part(raw, kinds);
  return read_tensor_header(found.part->content, *found.kind, file_name(raw, found)).shape;
}

Array sane_array(ReadPart part, const char* what) {
  if (part.is_sane) return std::move(part.array);
  throw data_error(
      fmt::format("its {} holds numbers that are not finite or above {}", what, kGreatestMagnitude));
}

}  // namespace

Sample decode_sample(const RawSample& raw) {
  return with_context([&] { return fmt::format("sample {} cannot be used", raw.key); },
                      [&] {
                        Sample sample;
                        sample.key = raw.key;
                        ReadPart latent = read_part(raw, kLatentParts, 4);
                        ReadPart text = read_part(raw, kTextParts, 2);
                        sample_shapes(latent.array.shape, text.array.shape);  // refuses dimensions of 0
                        sample.latent = sane_array(std::move(latent), "latent");
                        sample.text = sane_array(std::move(text), "text");
                        return sample;
                      });
}

TensorShapes shapes_of_sample(const RawSample& raw) {
  return with_context(
      [&] { return fmt::format("sample {} cannot be used", raw.key); },
      [&] { return sample_shapes(shape_of_part(raw, kLatentParts), shape_of_part(raw, kTextParts)); });
}

}  // namespace dfm::data
