#include "data/energon/sample_shapes.h"

#include <limits>
#include <string_view>

#include <fmt/core.h>

#include "core/error.h"

namespace dfm::data {
namespace {

// The dimensions without a leading 1, each of which can be used.
std::vector<std::uint32_t> extents_of(const Shape& shape, std::size_t rank, std::string_view wanted) {
  const bool has_batch = shape.size() == rank + 1 && shape.front() == 1;
  std::vector<std::uint32_t> extents;
  for (const std::int64_t extent : shape) {
    if (extent > 0 && extent <= std::numeric_limits<std::uint32_t>::max()) {
      extents.push_back(static_cast<std::uint32_t>(extent));
    }
  }
  if (extents.size() != shape.size() || (shape.size() != rank && !has_batch)) {
    throw data_error(fmt::format("the shape {} is not {}", to_text(shape), wanted));
  }
  if (has_batch) extents.erase(extents.begin());
  return extents;
}

}  // namespace

TensorShapes sample_shapes(const Shape& latent, const Shape& text) {
  const auto l = extents_of(latent, 4, "that of a latent, [C, T, H, W]");
  const auto t = extents_of(text, 2, "that of a text embedding, [S, width]");
  return {{l[0], l[1], l[2], l[3], t[0]}, t[1]};
}

}  // namespace dfm::data
