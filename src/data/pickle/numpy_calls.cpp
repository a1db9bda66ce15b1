#include "core/text.h"
#include "data/pickle/call.h"
#include "data/pickle/globals.h"
#include "data/tensor/numpy_type.h"

namespace dfm::data::pickle {
namespace {

View make_array(Graph& graph, const Bytes& bytes, ElementType type, Layout layout) {
  const auto count = static_cast<std::uint64_t>(element_count(layout.shape));
  auto storage = std::make_shared<Storage>();
  storage->content = bytes.content;
  storage->encoding = bytes.encoding;
  if (__builtin_mul_overflow(count, size_of(type.dtype), &storage->size_bytes) ||
      (bytes.encoding == Encoding::raw && bytes.content.size() != storage->size_bytes)) {
    throw data_error(fmt::format("{} bytes are stored for an array of {} with shape {}", bytes.content.size(),
                                 name_of(type.dtype), to_text(layout.shape)));
  }
  graph.budget().charge(sizeof(ArrayView) + sizeof(Storage));
  ArrayView view = make_view(std::move(storage), type.dtype, std::move(layout));
  view.swapped = type.swapped;
  return std::make_shared<const ArrayView>(std::move(view));
}

// numpy's order 'K' (2.3 and later): the bytes are a row-major array whose axes are then put into axis_order.
Layout transposed(const Layout& stored, const Shape& axis_order) {
  std::vector<bool> is_used(stored.shape.size(), false);
  Layout layout;
  for (const std::int64_t axis : axis_order) {
    if (axis < 0 || axis >= std::ssize(stored.shape) || is_used[axis])
      throw data_error("the axes of an array are mixed up");
    is_used[axis] = true;
    layout.shape.push_back(stored.shape[axis]);
    layout.strides.push_back(stored.strides[axis]);
  }
  if (layout.shape.size() != stored.shape.size()) throw data_error("the axes of an array are mixed up");
  return layout;
}

Layout layout_in_order(const Arguments& arguments) {
  const std::string order = arguments.name(3);
  Shape shape = arguments.integers(2);
  if (order == "C" && arguments.count() == 4) return row_major(std::move(shape));
  if (order == "F" && arguments.count() == 4) return column_major(std::move(shape));
  if (order == "K" && arguments.count() == 5)
    return transposed(row_major(std::move(shape)), arguments.integers(4));
  throw data_error(fmt::format("an array in the order '{}' is not supported", printable(order)));
}

}  // namespace

Ref reconstruct_array(const Arguments& arguments) {
  arguments.expect_count(3, 3);
  if (arguments.as<Name>(0).global->kind != GlobalKind::array_class) {
    throw data_error("an array of a class other than numpy.ndarray is not supported",
                     "save numpy.asarray(array)");
  }
  return arguments.graph().add(UnbuiltArray{});
}

// (1, shape, dtype, is column-major, bytes)
void set_array_state(Graph& graph, Ref array, const Arguments& state) {
  state.expect_count(5, 5);
  Shape shape = state.integers(1);
  Layout layout = state.as<bool>(3) ? column_major(std::move(shape)) : row_major(std::move(shape));
  graph.at(array) = make_array(graph, state.as<Bytes>(4), state.as<ElementType>(2), std::move(layout));
}

// (buffer, dtype, shape, order[, axis order])
Ref array_from_buffer(const Arguments& arguments) {
  arguments.expect_count(4, 5);
  return arguments.graph().add(make_array(arguments.graph(), arguments.as<Bytes>(0),
                                          arguments.as<ElementType>(1), layout_in_order(arguments)));
}

Ref make_scalar(const Arguments& arguments) {
  arguments.expect_count(2, 2);
  return arguments.graph().add(
      make_array(arguments.graph(), arguments.as<Bytes>(1), arguments.as<ElementType>(0), row_major({})));
}

// dtype("f4", False, True)
Ref make_element_type(const Arguments& arguments) {
  arguments.expect_count(1, 3);
  const std::string name = arguments.name(0);
  if (const auto dtype = dtype_of_numpy(name)) return arguments.graph().add(ElementType{*dtype});
  throw data_error(fmt::format("numpy's element type '{}' is not supported", printable(name)),
                   "convert the array to float32, float16, float64, int8 to int64, uint8 or bool");
}

// (3, byte order, sub-array, field names, fields, item size, alignment, flags): the middle ones are None for
// plain numbers.
void set_element_type_state(Graph& graph, Ref element_type, const Arguments& state) {
  state.expect_count(8, 9);
  for (std::size_t i = 2; i < 5; ++i) state.as<None>(i);
  const std::string order = state.name(1);
  if (order != "<" && order != ">" && order != "|" && order != "=") {
    throw data_error(fmt::format("numpy's byte order '{}' is not known", printable(order)));
  }
  std::get<ElementType>(graph.at(element_type)).swapped = order == ">";
}

}  // namespace dfm::data::pickle
