#include <array>

#include <fmt/core.h>

#include "core/error.h"
#include "data/pickle/writer.h"
#include "data/tensor/array_view.h"
#include "data/tensor/tensor_file.h"
#include "data/zip/writer.h"

namespace dfm::data {
namespace {

// How torch and numpy call an element type.
struct Names {
  DType dtype;
  std::string_view torch_storage;
  std::string_view numpy_code;
};

constexpr std::array kNames{
    Names{DType::float32, "FloatStorage", "f4"},   Names{DType::float16, "HalfStorage", "f2"},
    Names{DType::bfloat16, "BFloat16Storage", ""}, Names{DType::float64, "DoubleStorage", "f8"},
    Names{DType::int64, "LongStorage", "i8"},      Names{DType::int32, "IntStorage", "i4"},
    Names{DType::int16, "ShortStorage", "i2"},     Names{DType::int8, "CharStorage", "i1"},
    Names{DType::uint8, "ByteStorage", "u1"},      Names{DType::boolean, "BoolStorage", "b1"},
};

const Names& names_of(DType dtype) {
  for (const Names& names : kNames) {
    if (names.dtype == dtype) return names;
  }
  throw internal_error("an element type that has no name in files");
}

void ensure_whole(const Array& array) {
  ensure(array.bytes.size() == static_cast<std::size_t>(array.count()) * size_of(array.dtype),
         "an array's bytes differ from its shape");
}

// torch._utils._rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks)
std::vector<std::byte> torch_pickle(const Array& array) {
  pickle::Writer writer(2);
  writer.global("torch._utils", "_rebuild_tensor_v2").operation('(');
  writer.operation('(').text("storage").global("torch", names_of(array.dtype).torch_storage);
  writer.text("0").text("cpu").integer(array.count()).operation('t').operation('Q');
  writer.integer(0).tuple(array.shape).tuple(row_major(array.shape).strides).boolean(false);
  writer.global("collections", "OrderedDict").operation(')').operation('R');
  writer.operation('t').operation('R');
  return std::move(writer).finish();
}

// numpy.dtype(code, False, True), then its state
void write_element_type(pickle::Writer& writer, DType dtype) {
  writer.global("numpy", "dtype").operation('(').text(names_of(dtype).numpy_code);
  writer.boolean(false).boolean(true).operation('t').operation('R');
  writer.operation('(').integer(3).text(size_of(dtype) == 1 ? "|" : "<");
  writer.operation('N').operation('N').operation('N').integer(-1).integer(-1).integer(0);
  writer.operation('t').operation('b');
}

}  // namespace

std::vector<std::byte> write_pth(const Array& array) {
  ensure_whole(array);
  const auto text = [](std::string_view value) { return std::as_bytes(std::span(value)); };
  ZipWriter archive;
  archive.add("archive/data.pkl", torch_pickle(array));
  archive.add("archive/byteorder", text("little"));
  archive.add("archive/data/0", array.bytes);
  archive.add("archive/version", text("3\n"));
  return std::move(archive).finish();
}

std::vector<std::byte> write_numpy_pickle(const Array& array) {
  ensure_whole(array);
  if (array.dtype == DType::bfloat16) {
    throw data_error("numpy has no bfloat16, so no pickle of such an array is written",
                     "convert it to float16 or float32, or write a .pth");
  }
  pickle::Writer writer(4);
  writer.global("numpy.core.multiarray", "_reconstruct").operation('(').global("numpy", "ndarray").tuple({0});
  writer.bytes(std::as_bytes(std::span("b", 1))).operation('t').operation('R');
  writer.operation('(').integer(1).tuple(array.shape);
  write_element_type(writer, array.dtype);
  writer.boolean(false).bytes(array.bytes).operation('t').operation('b');
  return std::move(writer).finish();
}

}  // namespace dfm::data
