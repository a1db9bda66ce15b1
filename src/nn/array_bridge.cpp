#include "nn/array_bridge.h"

#include <array>
#include <cstring>
#include <utility>

#include "core/error.h"

namespace dfm::nn {
namespace {

constexpr std::array kPairs{
    std::pair{DType::float32, at::kFloat},     std::pair{DType::float16, at::kHalf},
    std::pair{DType::bfloat16, at::kBFloat16}, std::pair{DType::float64, at::kDouble},
    std::pair{DType::int64, at::kLong},        std::pair{DType::int32, at::kInt},
    std::pair{DType::int16, at::kShort},       std::pair{DType::int8, at::kChar},
    std::pair{DType::uint8, at::kByte},        std::pair{DType::boolean, at::kBool},
};

}  // namespace

at::ScalarType scalar_type(DType dtype) {
  for (const auto& [ours, theirs] : kPairs) {
    if (ours == dtype) return theirs;
  }
  throw internal_error("an element type without a tensor type");
}

DType dtype_of(at::ScalarType type) {
  for (const auto& [ours, theirs] : kPairs) {
    if (theirs == type) return ours;
  }
  throw internal_error("a tensor type without an element type");
}

at::Tensor to_tensor(const Array& array) {
  at::Tensor tensor = at::empty(array.shape, scalar_type(array.dtype));
  std::memcpy(tensor.mutable_data_ptr(), array.bytes.data(), array.bytes.size());
  return tensor;
}

Array to_array(const at::Tensor& tensor) {
  const at::Tensor dense = tensor.detach().contiguous();
  Array array = make_array(dtype_of(dense.scalar_type()), dense.sizes().vec());
  std::memcpy(array.bytes.data(), dense.const_data_ptr(), array.bytes.size());
  return array;
}

}  // namespace dfm::nn
