#include <array>

#include <fmt/core.h>

#include "core/error.h"
#include "data/pickle/torch_tensor.h"
#include "data/pickle/writer.h"
#include "data/tensor/tensor_file.h"
#include "data/zip/writer.h"

namespace dfm::data {
namespace {

struct NumpyCode {
  DType dtype;
  std::string_view code;
};

constexpr std::array kNumpyCodes{
    NumpyCode{DType::float32, "f4"}, NumpyCode{DType::float16, "f2"}, NumpyCode{DType::float64, "f8"},
    NumpyCode{DType::int64, "i8"},   NumpyCode{DType::int32, "i4"},   NumpyCode{DType::int16, "i2"},
    NumpyCode{DType::int8, "i1"},    NumpyCode{DType::uint8, "u1"},   NumpyCode{DType::boolean, "b1"},
};

std::string_view numpy_code(DType dtype) {
  for (const NumpyCode& known : kNumpyCodes) {
    if (known.dtype == dtype) return known.code;
  }
  throw internal_error("an element type that has no name in files");
}

void ensure_whole(const Array& array) {
  ensure(array.bytes.size() == static_cast<std::size_t>(array.count()) * size_of(array.dtype),
         "an array's bytes differ from its shape");
}

std::vector<std::byte> torch_pickle(const Array& array) {
  pickle::Writer writer(2);
  pickle::write_tensor(writer, array.dtype, array.shape, "0");
  return std::move(writer).finish();
}

// numpy.dtype(code, False, True), then its state
void write_element_type(pickle::Writer& writer, DType dtype) {
  writer.global("numpy", "dtype").operation('(').text(numpy_code(dtype));
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
