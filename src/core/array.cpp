#include "core/array.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "core/error.h"

namespace dfm {

std::int64_t element_count(const Shape& shape) {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) {
    if (extent < 0 || __builtin_mul_overflow(count, extent, &count)) {
      throw data_error(fmt::format("an array cannot have the shape {}", to_text(shape)));
    }
  }
  return count;
}

Array make_array(DType dtype, Shape shape) {
  std::int64_t size_bytes = 0;
  if (__builtin_mul_overflow(element_count(shape), static_cast<std::int64_t>(size_of(dtype)), &size_bytes)) {
    throw data_error(fmt::format("an array of shape {} does not fit in memory", to_text(shape)));
  }
  return {dtype, std::move(shape), std::vector<std::byte>(static_cast<std::size_t>(size_bytes))};
}

Array from_floats(std::span<const float> values, Shape shape, DType dtype) {
  Array array = make_array(dtype, std::move(shape));
  ensure(values.size() == static_cast<std::size_t>(array.count()), "from_floats: count differs from shape");
  switch (dtype) {
    case DType::float32:
      std::ranges::copy(values, array.as<float>().begin());
      break;
    case DType::float64:
      std::ranges::copy(values, array.as<double>().begin());
      break;
    case DType::float16:
      std::ranges::transform(values, array.as<std::uint16_t>().begin(), float_to_float16);
      break;
    case DType::bfloat16:
      std::ranges::transform(values, array.as<std::uint16_t>().begin(), float_to_bfloat16);
      break;
    default:
      throw internal_error("from_floats: not a floating-point type");
  }
  return array;
}

std::vector<float> to_floats(const Array& array) {
  std::vector<float> values(static_cast<std::size_t>(array.count()));
  switch (array.dtype) {
    case DType::float32:
      std::ranges::copy(array.as<float>(), values.begin());
      break;
    case DType::float64:
      std::ranges::transform(array.as<double>(), values.begin(),
                             [](double x) { return static_cast<float>(x); });
      break;
    case DType::float16:
      std::ranges::transform(array.as<std::uint16_t>(), values.begin(), float16_to_float);
      break;
    case DType::bfloat16:
      std::ranges::transform(array.as<std::uint16_t>(), values.begin(), bfloat16_to_float);
      break;
    default:
      throw data_error(fmt::format("an array of {} holds no floating-point numbers", name_of(array.dtype)));
  }
  return values;
}

std::string to_text(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

}  // namespace dfm
