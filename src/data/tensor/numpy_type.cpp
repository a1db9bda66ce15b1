#include "data/tensor/numpy_type.h"

#include <algorithm>
#include <array>

namespace dfm::data {
namespace {

struct Code {
  std::string_view code;
  DType dtype;
};

constexpr std::array kCodes{
    Code{"f2", DType::float16}, Code{"f4", DType::float32}, Code{"f8", DType::float64},
    Code{"i1", DType::int8},    Code{"i2", DType::int16},   Code{"i4", DType::int32},
    Code{"i8", DType::int64},   Code{"u1", DType::uint8},   Code{"b1", DType::boolean}};

}  // namespace

std::optional<DType> dtype_of_numpy(std::string_view code) {
  const auto* const found = std::ranges::find(kCodes, code, &Code::code);
  return found == kCodes.end() ? std::nullopt : std::optional(found->dtype);
}

}  // namespace dfm::data
