#include "data/pickle/torch_names.h"

#include "core/error.h"

namespace dfm::data::pickle {

std::string_view torch_storage_name(DType dtype) {
  switch (dtype) {
    case DType::float32:
      return "FloatStorage";
    case DType::float16:
      return "HalfStorage";
    case DType::bfloat16:
      return "BFloat16Storage";
    case DType::float64:
      return "DoubleStorage";
    case DType::int64:
      return "LongStorage";
    case DType::int32:
      return "IntStorage";
    case DType::int16:
      return "ShortStorage";
    case DType::int8:
      return "CharStorage";
    case DType::uint8:
      return "ByteStorage";
    case DType::boolean:
      return "BoolStorage";
  }
  throw internal_error("an element type that has no name in files");
}

}  // namespace dfm::data::pickle
