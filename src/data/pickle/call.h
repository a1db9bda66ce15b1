// Calls of permitted functions with arguments from a pickle (REDUCE), states set on what they returned
// (BUILD), and torch's persistent ids. Each function checks its arguments and returns the node that the real
// one would return.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/pickle/graph.h"

namespace dfm::data::pickle {

// The arguments of one call. Errors name the function and the argument.
class Arguments {
 public:
  Arguments(Graph& graph, std::string_view function, Ref tuple);

  Graph& graph() const { return graph_; }
  std::size_t count() const { return refs_.size(); }
  void expect_count(std::size_t least, std::size_t most) const;

  Ref ref(std::size_t i) const { return refs_.at(i); }
  template <class T>
  T& as(std::size_t i) const {
    if (T* const content = std::get_if<T>(&graph_.at(ref(i)))) return *content;
    return graph_.as<T>(ref(i), place(i));  // throws; the text of the place is not made before it is needed
  }
  std::string name(std::size_t i) const { return graph_.name(ref(i), place(i)); }
  Shape integers(std::size_t i) const { return graph_.integers(ref(i), place(i)); }

 private:
  std::string place(std::size_t i) const;

  Graph& graph_;
  std::string_view function_;
  const std::vector<Ref>& refs_;
};

using Function = Ref (*)(const Arguments&);

Ref call(Graph& graph, Ref function, Ref arguments);
void build(Graph& graph, Ref object, Ref state);

// The storage that torch's persistent id ("storage", class, key, location, elements[, None]) stands for.
Ref persistent_storage(Graph& graph, Ref id);

// Python
Ref make_bytes(const Arguments& arguments);  // bytes(), bytearray(b), _codecs.encode(text, "latin1")
Ref make_ordered_dict(const Arguments& arguments);
// torch
Ref rebuild_tensor(const Arguments& arguments);        // _rebuild_tensor, _rebuild_tensor_v2
Ref rebuild_typed_tensor(const Arguments& arguments);  // _rebuild_tensor_v3
Ref rebuild_parameter(const Arguments& arguments);
Ref rebuild_from_type(const Arguments& arguments);
Ref make_size(const Arguments& arguments);
Ref load_storage(const Arguments& arguments);  // _load_from_bytes: a torch stream inside a pickle
// numpy
Ref reconstruct_array(const Arguments& arguments);
Ref array_from_buffer(const Arguments& arguments);
Ref make_scalar(const Arguments& arguments);
Ref make_element_type(const Arguments& arguments);
void set_array_state(Graph& graph, Ref array, const Arguments& state);
void set_element_type_state(Graph& graph, Ref element_type, const Arguments& state);

}  // namespace dfm::data::pickle
