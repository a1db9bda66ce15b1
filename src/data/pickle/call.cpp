#include "data/pickle/call.h"

#include "data/pickle/globals.h"

namespace dfm::data::pickle {

Arguments::Arguments(Graph& graph, std::string_view function, Ref tuple)
    : graph_(graph),
      function_(function),
      refs_(graph.as<Tuple>(tuple, fmt::format("what {} is called with", function)).items) {}

void Arguments::expect_count(std::size_t least, std::size_t most) const {
  if (count() >= least && count() <= most) return;
  throw data_error(fmt::format("{} is called with {} arguments", function_, count()));
}

std::string Arguments::place(std::size_t i) const {
  return fmt::format("argument {} of {}", i + 1, function_);
}

Ref call(Graph& graph, Ref function, Ref arguments) {
  const Global& global = *graph.as<Name>(function, "what a pickle calls").global;
  if (global.kind == GlobalKind::record_class) return graph.add(Record{&global, arguments});
  if (global.function == nullptr) throw data_error(fmt::format("{} cannot be called", global.name));
  return global.function(Arguments(graph, global.name, arguments));
}

void build(Graph& graph, Ref object, Ref state) {
  Node& node = graph.at(object);
  if (auto* const record = std::get_if<Record>(&node)) {
    record->content = state;
  } else if (std::holds_alternative<UnbuiltArray>(node)) {
    set_array_state(graph, object, Arguments(graph, "numpy.ndarray.__setstate__", state));
  } else if (std::holds_alternative<ElementType>(node)) {
    set_element_type_state(graph, object, Arguments(graph, "numpy.dtype.__setstate__", state));
  } else if (!std::holds_alternative<Dict>(
                 node)) {  // attributes of an OrderedDict say nothing about its items
    throw data_error(fmt::format("{} takes no state", kind_of(node)));
  }
}

Ref make_bytes(const Arguments& arguments) {
  arguments.expect_count(0, 2);
  if (arguments.count() == 0) return arguments.graph().add(Bytes{});
  if (arguments.count() == 1) return arguments.graph().add(Bytes(arguments.as<Bytes>(0)));
  const std::string encoding = arguments.name(1);
  if (encoding != "latin1" && encoding != "latin-1")
    throw data_error("bytes are encoded in a way other than latin1");
  return arguments.graph().add(Bytes{arguments.as<Text>(0).utf8, Encoding::latin1_in_utf8});
}

Ref make_ordered_dict(const Arguments& arguments) {
  arguments.expect_count(0, 0);
  return arguments.graph().add(Dict{});
}

}  // namespace dfm::data::pickle
