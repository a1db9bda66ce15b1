#include "data/tensor/array_view.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/error.h"

namespace dfm::data {
namespace {

constexpr std::size_t kMostDimensions = 64;

Error outside(const Layout& layout, std::uint64_t storage_bytes) {
  return data_error(
      fmt::format("a tensor of shape {}, strides {} and offset {} does not lie in its storage of {} bytes",
                  to_text(layout.shape), to_text(layout.strides), layout.offset, storage_bytes),
      "the file is damaged: copy or make it again");
}

}  // namespace

std::int64_t extent_of(const Layout& layout) {
  std::int64_t extent = 1;
  for (std::size_t i = 0; i < layout.shape.size(); ++i) {
    std::int64_t reach = 0;
    if (layout.strides[i] < 0 || __builtin_mul_overflow(layout.shape[i] - 1, layout.strides[i], &reach) ||
        __builtin_add_overflow(extent, reach, &extent)) {
      throw data_error(fmt::format("strides {} for the shape {} cannot be", to_text(layout.strides),
                                   to_text(layout.shape)));
    }
  }
  return extent;
}

ArrayView make_view(std::shared_ptr<const Storage> storage, DType dtype, Layout layout) {
  if (layout.shape.size() != layout.strides.size() || layout.shape.size() > kMostDimensions) {
    throw data_error(fmt::format("a tensor has {} dimensions and {} strides (at most {} dimensions are read)",
                                 layout.shape.size(), layout.strides.size(), kMostDimensions));
  }
  if (layout.offset < 0) throw outside(layout, storage->size_bytes);
  if (element_count(layout.shape) > 0) {
    const auto elements = static_cast<std::int64_t>(storage->size_bytes / size_of(dtype));
    const std::int64_t extent = extent_of(layout);
    if (layout.offset > elements || extent > elements - layout.offset)
      throw outside(layout, storage->size_bytes);
  }
  for (std::size_t i = 0; i < layout.shape.size(); ++i) {
    if (layout.shape[i] <= 1) layout.strides[i] = 0;  // never taken, so it may be any number in the file
  }
  return {dtype, std::move(layout), false, std::move(storage)};
}

Layout row_major(Shape shape) {
  element_count(shape);
  Layout layout{std::move(shape), {}, 0};
  layout.strides.resize(layout.shape.size());
  std::int64_t stride = 1;
  for (std::size_t i = layout.shape.size(); i-- > 0;) {
    layout.strides[i] = stride;
    if (__builtin_mul_overflow(stride, std::max<std::int64_t>(layout.shape[i], 1), &stride)) {
      throw data_error(fmt::format("an array cannot have the shape {}", to_text(layout.shape)));
    }
  }
  return layout;
}

Layout column_major(Shape shape) {
  std::ranges::reverse(shape);
  Layout layout = row_major(std::move(shape));
  std::ranges::reverse(layout.shape);
  std::ranges::reverse(layout.strides);
  return layout;
}

std::uint64_t loaded_bytes(const ArrayView& view) {
  std::uint64_t bytes = 0;
  const auto count = static_cast<std::uint64_t>(element_count(view.layout.shape));
  if (!__builtin_mul_overflow(count, size_of(view.dtype), &bytes)) return bytes;
  throw data_error(fmt::format("an array of shape {} does not fit in memory", to_text(view.layout.shape)));
}

}  // namespace dfm::data
