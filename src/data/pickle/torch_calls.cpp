#include <array>

#include "core/text.h"
#include "data/pickle/call.h"
#include "data/pickle/globals.h"
#include "data/pickle/torch_stream.h"

namespace dfm::data::pickle {
namespace {

Ref add_view(Graph& graph, ArrayView view) {
  graph.budget().charge(sizeof(ArrayView));
  return graph.add(std::make_shared<const ArrayView>(std::move(view)));
}

// Arguments 0 to 3 of each rebuild function: storage, offset, shape, strides.
Ref rebuild(const Arguments& arguments, DType dtype) {
  Layout layout{arguments.integers(2), arguments.integers(3), arguments.as<std::int64_t>(1)};
  return add_view(arguments.graph(),
                  make_view(arguments.as<TorchStorage>(0).storage, dtype, std::move(layout)));
}

// The metadata of a tensor says that its values are to be conjugated or negated when they are read.
void refuse_lazy_operations(const Arguments& arguments, std::size_t i) {
  if (arguments.count() <= i || std::holds_alternative<None>(arguments.graph().at(arguments.ref(i)))) return;
  for (const auto& [key, value] : arguments.as<Dict>(i).pairs) {
    const bool* const is_set = std::get_if<bool>(&arguments.graph().at(value));
    if (is_set != nullptr && !*is_set) continue;
    throw data_error(fmt::format("a tensor with the flag '{}' is not supported",
                                 printable(arguments.graph().name(key, "the name of a tensor's flag"))),
                     "save tensor.resolve_neg().resolve_conj()");
  }
}

}  // namespace

Ref persistent_storage(Graph& graph, Ref id) {
  const Arguments parts(graph, "a persistent id", id);
  parts.expect_count(5, 6);
  const Global& storage_class = *parts.as<Name>(1).global;
  const bool is_view = parts.count() == 6 && !std::holds_alternative<None>(graph.at(parts.ref(5)));
  if (parts.name(0) != "storage" || storage_class.kind != GlobalKind::storage_class || is_view) {
    throw data_error("a persistent id is not that of a torch storage");
  }
  return graph.add(graph.torch_storage(parts.name(2), storage_class.dtype, parts.as<std::int64_t>(4)));
}

Ref rebuild_tensor(const Arguments& arguments) {
  arguments.expect_count(4, 7);
  refuse_lazy_operations(arguments, 6);
  return rebuild(arguments, arguments.as<TorchStorage>(0).dtype);
}

Ref rebuild_typed_tensor(const Arguments& arguments) {
  arguments.expect_count(7, 8);
  refuse_lazy_operations(arguments, 7);
  const Global& dtype = *arguments.as<Name>(6).global;
  if (dtype.kind != GlobalKind::element_type)
    throw data_error(fmt::format("{} is not an element type", dtype.name));
  return rebuild(arguments, dtype.dtype);
}

Ref rebuild_parameter(const Arguments& arguments) {
  arguments.expect_count(3, 4);
  arguments.as<View>(0);
  return arguments.ref(0);
}

// (function, class, arguments, attributes): how a tensor with attributes of its own is saved.
Ref rebuild_from_type(const Arguments& arguments) {
  arguments.expect_count(4, 4);
  const Global& rebuilder = *arguments.as<Name>(0).global;
  const bool is_rebuilder = rebuilder.function == rebuild_tensor ||
                            rebuilder.function == rebuild_typed_tensor ||
                            rebuilder.function == rebuild_parameter;
  if (!is_rebuilder || arguments.as<Name>(1).global->kind != GlobalKind::tensor_class) {
    throw data_error("a tensor of a class other than torch.Tensor is not supported",
                     "save tensor.as_subclass(torch.Tensor)");
  }
  return call(arguments.graph(), arguments.ref(0), arguments.ref(2));
}

Ref make_size(const Arguments& arguments) {
  arguments.expect_count(1, 1);
  arguments.as<Tuple>(0);
  return arguments.ref(0);
}

Ref load_storage(const Arguments& arguments) {
  arguments.expect_count(1, 1);
  Graph& graph = arguments.graph();
  const Bytes& bytes = arguments.as<Bytes>(0);
  graph.budget().charge(bytes.content.size());  // the stream is parsed once more each time it is named
  Graph stream(graph.budget());
  const Ref root = read_torch_stream(decoded(bytes.content, bytes.encoding, graph.budget()), stream);
  return graph.add(stream.as<TorchStorage>(root, "the torch stream inside a pickle"));
}

}  // namespace dfm::data::pickle
