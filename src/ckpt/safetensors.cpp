#include "ckpt/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json.h"

namespace dfm::ckpt {
namespace {

constexpr std::uint64_t kLengthBytes = 8;
constexpr std::uint64_t kLargestHeader = 100'000'000;  // the limit of the reference implementation
constexpr std::size_t kAlignment = 8;

struct TypeName {
  DType dtype;
  std::string_view name;
};

constexpr std::array kTypeNames{
    TypeName{DType::float32, "F32"},  TypeName{DType::float16, "F16"}, TypeName{DType::bfloat16, "BF16"},
    TypeName{DType::float64, "F64"},  TypeName{DType::int64, "I64"},   TypeName{DType::int32, "I32"},
    TypeName{DType::int16, "I16"},    TypeName{DType::int8, "I8"},     TypeName{DType::uint8, "U8"},
    TypeName{DType::boolean, "BOOL"},
};

DType parse_type(const std::string& name) {
  const auto found = std::ranges::find(kTypeNames, name, &TypeName::name);
  if (found == kTypeNames.end()) throw data_error(fmt::format("element type {} is not known", name));
  return found->dtype;
}

std::string_view type_name(DType dtype) {
  return std::ranges::find(kTypeNames, dtype, &TypeName::dtype)->name;
}

// Unlike the JSON library, which turns 2.7 and true into whole numbers.
std::uint64_t whole_number(const Json& json) {
  if (!json.is_number_unsigned()) throw data_error(fmt::format("{:.40} is not a count", json.dump()));
  return json.get<std::uint64_t>();
}

Shape parse_shape(const Json& list) {
  if (!list.is_array()) throw data_error("a shape is not a list");
  Shape shape;
  for (const Json& extent : list) shape.push_back(static_cast<std::int64_t>(whole_number(extent)));
  return shape;
}

}  // namespace

std::string safetensors_header(const std::vector<TensorEntry>& entries, const TextMetadata& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t begin = 0;
  for (const TensorEntry& entry : entries) {
    const std::uint64_t end = begin + entry.size_bytes();
    header[entry.name] = {
        {"dtype", type_name(entry.dtype)}, {"shape", entry.shape}, {"data_offsets", {begin, end}}};
    begin = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  const std::uint64_t length = text.size();
  std::string header_bytes(reinterpret_cast<const char*>(&length), sizeof length);
  return header_bytes + text;
}

std::uint64_t TensorEntry::size_bytes() const {
  std::uint64_t bytes = 0;
  if (__builtin_mul_overflow(static_cast<std::uint64_t>(element_count(shape)), size_of(dtype), &bytes)) {
    throw data_error(fmt::format("a tensor cannot have the shape {}", to_text(shape)));
  }
  return bytes;
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : file_(File::open_to_read(path)) {
  try {
    read_header();
  } catch (const nlohmann::json::exception& error) {
    throw data_error(fmt::format("{} is not a safetensors file: {}", path.native(), error.what()));
  } catch (const Error& error) {
    if (error.kind() != ExitCode::data) throw;
    throw data_error(fmt::format("{} is not a sound safetensors file: {}", path.native(), error.what()),
                     "copy or export it again");
  }
}

void SafetensorsFile::read_header() {
  const std::uint64_t file_bytes = file_.size();
  std::uint64_t header_bytes = 0;
  file_.read_exactly(std::as_writable_bytes(std::span(&header_bytes, 1)), 0);
  if (header_bytes > kLargestHeader || header_bytes > file_bytes - kLengthBytes) {
    throw data_error(fmt::format("its header claims {} bytes", header_bytes));
  }
  std::string text(header_bytes, '\0');
  file_.read_exactly(std::as_writable_bytes(std::span(text)), kLengthBytes);
  const Json header = parse_json(text, "the header");
  if (!header.is_object()) throw data_error("the header is not an object");
  const Extent data{kLengthBytes + header_bytes, file_bytes};
  std::vector<Extent> taken;
  for (const auto& [name, fields] : header.items()) {
    if (name == "__metadata__") {
      metadata_ = fields.get<TextMetadata>();
    } else {
      taken.push_back(add_tensor(name, fields, data));
    }
  }
  require_disjoint(std::move(taken));
}

SafetensorsFile::Extent SafetensorsFile::add_tensor(const std::string& name, const Json& fields,
                                                    Extent data) {
  TensorEntry entry{name, parse_type(fields.at("dtype")), parse_shape(fields.at("shape"))};
  const Json& offsets = fields.at("data_offsets");
  if (offsets.size() != 2) throw data_error(fmt::format("the data_offsets of {} are not two", name));
  const std::uint64_t begin = whole_number(offsets.at(0)), end = whole_number(offsets.at(1));
  if (begin > end || end > data.end - data.begin || end - begin != entry.size_bytes()) {
    throw data_error(fmt::format("tensor {} does not lie inside the file as its shape asks", name));
  }
  begins_[name] = data.begin + begin;
  entries_.push_back(std::move(entry));
  return {data.begin + begin, data.begin + end};
}

// A small file whose tensors all lie on the same bytes would fill the memory.
void SafetensorsFile::require_disjoint(std::vector<Extent> extents) {
  std::ranges::sort(extents, {}, &Extent::begin);
  std::uint64_t taken_until = 0;
  for (const Extent& extent : extents) {
    if (extent.begin < taken_until && extent.begin < extent.end) throw data_error("its tensors overlap");
    taken_until = std::max(taken_until, extent.end);
  }
}

const TensorEntry& SafetensorsFile::find(const std::string& name) const {
  const auto entry = std::ranges::find(entries_, name, &TensorEntry::name);
  if (entry != entries_.end()) return *entry;
  throw data_error(fmt::format("{} holds no tensor {}", file_.path().native(), name));
}

void SafetensorsFile::read_elements(const std::string& name, std::int64_t begin,
                                    std::span<std::byte> out) const {
  const TensorEntry& entry = find(name);
  const std::uint64_t first = static_cast<std::uint64_t>(begin) * size_of(entry.dtype);
  ensure(first <= entry.size_bytes() && out.size() <= entry.size_bytes() - first, "read_elements: outside");
  file_.read_exactly(out, begins_.at(name) + first);
}

Array SafetensorsFile::read(const std::string& name) const {
  const TensorEntry& entry = find(name);
  Array array = make_array(entry.dtype, entry.shape);
  file_.read_exactly(array.bytes, begins_.at(name));
  return array;
}

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path,
                                     const std::vector<TensorEntry>& entries, const TextMetadata& metadata)
    : file_(path) {
  file_.append(safetensors_header(entries, metadata));
  for (const TensorEntry& entry : entries) missing_bytes_ += entry.size_bytes();
}

void SafetensorsWriter::append(std::span<const std::byte> bytes) {
  ensure(bytes.size() <= missing_bytes_, "more bytes than the safetensors header announced");
  file_.append(bytes);
  missing_bytes_ -= bytes.size();
}

void SafetensorsWriter::commit() {
  ensure(missing_bytes_ == 0, "fewer bytes than the safetensors header announced");
  file_.commit();
}

}  // namespace dfm::ckpt
