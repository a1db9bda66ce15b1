#include "data/tensor/safetensors_part.h"

#include <algorithm>
#include <array>
#include <string>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json.h"
#include "core/text.h"

namespace dfm::data {
namespace {

constexpr std::uint64_t kLongestHeader = 1U << 20U;

struct TypeName {
  std::string_view name;
  DType dtype;
};

constexpr std::array kTypes{TypeName{"F32", DType::float32},   TypeName{"F16", DType::float16},
                            TypeName{"BF16", DType::bfloat16}, TypeName{"F64", DType::float64},
                            TypeName{"I64", DType::int64},     TypeName{"I32", DType::int32},
                            TypeName{"I16", DType::int16},     TypeName{"I8", DType::int8},
                            TypeName{"U8", DType::uint8},      TypeName{"BOOL", DType::boolean}};

DType dtype_of(const std::string& name) {
  const auto* const found = std::ranges::find(kTypes, name, &TypeName::name);
  if (found != kTypes.end()) return found->dtype;
  throw data_error(fmt::format("the element type '{}' is not supported", printable(name)),
                   "convert the tensor to BF16, F16 or F32");
}

Json header_of(const ByteRange& file, std::uint64_t length) {
  if (length > kLongestHeader || length > file.size() - 8)
    throw data_error("it does not begin as a safetensors file");
  return parse_json(file.part(8, length).text(), "its header");
}

std::shared_ptr<const ArrayView> view_of(const ByteRange& content, const Json& entry) {
  const DType dtype = dtype_of(entry.at("dtype").get<std::string>());
  const auto begin = entry.at("data_offsets").at(0).get<std::uint64_t>();
  const auto end = entry.at("data_offsets").at(1).get<std::uint64_t>();
  auto shape = entry.at("shape").get<Shape>();
  auto storage = std::make_shared<Storage>();
  const auto count = static_cast<std::uint64_t>(element_count(shape));
  if (end < begin || __builtin_mul_overflow(count, size_of(dtype), &storage->size_bytes) ||
      storage->size_bytes != end - begin) {
    throw data_error(fmt::format("{} bytes are stored for a tensor of {} with shape {}", end - begin,
                                 name_of(dtype), to_text(shape)));
  }
  storage->content = content.part(begin, end - begin);
  return std::make_shared<const ArrayView>(make_view(std::move(storage), dtype, row_major(std::move(shape))));
}

}  // namespace

std::shared_ptr<const ArrayView> open_safetensors(const ByteRange& file, std::string_view tensor) {
  if (file.size() < 8) throw data_error("it is too short for a safetensors file");
  const auto length = file.number<std::uint64_t>(0);
  const Json header = header_of(file, length);
  try {
    const auto entry = header.find(std::string(tensor));
    if (entry == header.end()) throw data_error(fmt::format("it holds no tensor '{}'", tensor));
    return view_of(file.part(8 + length, file.size() - 8 - length), *entry);
  } catch (const nlohmann::json::exception&) {
    throw data_error("its header does not describe a tensor", "the file is damaged: copy or make it again");
  }
}

}  // namespace dfm::data
