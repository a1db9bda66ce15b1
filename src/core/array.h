// A dense row-major array in host memory that owns its bytes: what the data and checkpoint layers, which know
// no tensor library, hand to each other and to the layers above.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/dtype.h"

namespace dfm {

using Shape = std::vector<std::int64_t>;

// Number of elements. Throws a data error for a negative dimension or a product that overflows.
std::int64_t element_count(const Shape& shape);

struct Array {
  DType dtype = DType::float32;
  Shape shape;
  std::vector<std::byte> bytes;

  std::int64_t count() const { return element_count(shape); }

  // The elements as T, whose size must be the element's; nothing is converted.
  template <class T>
  std::span<const T> as() const {
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  template <class T>
  std::span<T> as() {
    return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
};

// Zero-filled.
Array make_array(DType dtype, Shape shape);

// Converted from or to float32 where the type differs; only floating-point types.
Array from_floats(std::span<const float> values, Shape shape, DType dtype);
std::vector<float> to_floats(const Array& array);

// "[16, 1, 4, 4]".
std::string to_text(const Shape& shape);

}  // namespace dfm
