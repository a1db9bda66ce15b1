#include "data/loader/decode_sample.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "core/error.h"
#include "data/tensor/tensor_file.h"

namespace dfm::data {
namespace {

constexpr float kGreatestMagnitude = 1000;

// Some writers put the dot into the part's name: KEY..pth (spec/nemo_diffusion.md section 5.1).
const RawPart& part_of(const RawSample& raw, const std::string& extension) {
  const RawPart* part = raw.find(extension);
  if (part == nullptr) part = raw.find("." + extension);
  if (part != nullptr) return *part;
  throw data_error(fmt::format("it has no .{} part", extension), "prepare the data with dfm_prepare");
}

Array without_leading_ones(Array array, std::size_t rank) {
  while (array.shape.size() > rank && array.shape.front() == 1) array.shape.erase(array.shape.begin());
  if (array.shape.size() != rank) {
    throw data_error(fmt::format("a tensor has the shape {}, not {} axes", to_text(array.shape), rank));
  }
  return array;
}

void require_sane(const Array& array, const char* what) {
  const auto is_wild = [](float x) { return !(std::fabs(x) <= kGreatestMagnitude); };
  if (std::ranges::any_of(to_floats(array), is_wild)) {
    throw data_error(
        fmt::format("its {} holds numbers that are not finite or above {}", what, kGreatestMagnitude));
  }
}

}  // namespace

Sample decode_sample(const RawSample& raw) {
  try {
    Sample sample;
    sample.key = raw.key;
    sample.latent = without_leading_ones(read_pth(part_of(raw, "pth").bytes, raw.key + ".pth"), 4);
    sample.text =
        without_leading_ones(read_pickled_array(part_of(raw, "pickle").bytes, raw.key + ".pickle"), 2);
    sample_shapes(sample.latent.shape, sample.text.shape);  // refuses dimensions of 0
    require_sane(sample.latent, "latent");
    require_sane(sample.text, "text");
    return sample;
  } catch (const Error& error) {
    throw Error(error.kind(), fmt::format("sample {} cannot be used: {}", raw.key, error.what()),
                error.hint());
  }
}

}  // namespace dfm::data
