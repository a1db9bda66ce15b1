#include "core/convert.h"

#include <cstdint>
#include <cstring>

#include <fmt/core.h>

#include "core/error.h"

namespace dfm {
namespace {

// How one element type is read to, and made from, float32.
template <DType>
struct Element;

template <>
struct Element<DType::float32> {
  using Stored = float;
  static float load(float value) { return value; }
  static float store(float value) { return value; }
};

template <>
struct Element<DType::float64> {
  using Stored = double;
  static float load(double value) { return static_cast<float>(value); }
  static double store(float value) { return value; }
};

template <>
struct Element<DType::bfloat16> {
  using Stored = std::uint16_t;
  static float load(std::uint16_t bits) { return bfloat16_to_float(bits); }
  static std::uint16_t store(float value) { return float_to_bfloat16(value); }
};

template <>
struct Element<DType::float16> {
  using Stored = std::uint16_t;
  static float load(std::uint16_t bits) { return float16_to_float(bits); }
  static std::uint16_t store(float value) { return float_to_float16(value); }
};

template <class From, class To>
void convert(std::span<const std::byte> from, std::span<std::byte> to) {
  const std::size_t count = from.size() / sizeof(typename From::Stored);
  for (std::size_t i = 0; i < count; ++i) {
    typename From::Stored in;  // the bytes may lie anywhere
    std::memcpy(&in, from.data() + i * sizeof in, sizeof in);
    const typename To::Stored out = To::store(From::load(in));
    std::memcpy(to.data() + i * sizeof out, &out, sizeof out);
  }
}

template <class Body>
void with_element(DType dtype, Body&& body) {
  switch (dtype) {
    case DType::float32:
      return body(Element<DType::float32>{});
    case DType::float64:
      return body(Element<DType::float64>{});
    case DType::bfloat16:
      return body(Element<DType::bfloat16>{});
    case DType::float16:
      return body(Element<DType::float16>{});
    default:
      throw data_error(fmt::format("elements of {} are not converted", name_of(dtype)));
  }
}

}  // namespace

bool is_floating_point(DType dtype) {
  return dtype == DType::float32 || dtype == DType::float64 || dtype == DType::bfloat16 ||
         dtype == DType::float16;
}

void convert_elements(std::span<const std::byte> from, DType from_type, std::span<std::byte> to,
                      DType to_type) {
  ensure(from.size() / size_of(from_type) == to.size() / size_of(to_type), "convert_elements: two counts");
  if (from_type == to_type) {
    if (!from.empty()) std::memcpy(to.data(), from.data(), from.size());
    return;
  }
  with_element(from_type, [&](auto source) {
    with_element(to_type, [&](auto target) { convert<decltype(source), decltype(target)>(from, to); });
  });
}

}  // namespace dfm
