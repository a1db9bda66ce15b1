// The stack machine that a pickle is a program for: reads opcodes, builds nodes, calls nothing but the
// permitted functions.
//
//   Graph graph(budget);
//   Machine machine(bytes, Dialect::plain, graph);
//   const Ref root = machine.run();              // machine.position(): the first byte after the pickle
//
// Opcodes: those that Python's pickle module writes for plain values and arrays in protocols 2 to 5, and
// torch.save in its own (spec/energon.md sections 8.1 and 8.2). The public part below run() is for the
// opcodes' implementations.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "data/pickle/graph.h"
#include "data/tensor/byte_range.h"

namespace dfm::data::pickle {

// Who wrote the pickle: Python's pickle module, where a tensor brings its storage along as a torch stream, or
// torch.save, where it refers to a storage outside of the pickle.
enum class Dialect { plain, torch };

class Machine {
 public:
  Machine(ByteRange input, Dialect dialect, Graph& graph)
      : input_(std::move(input)), dialect_(dialect), graph_(graph) {}

  // Data errors begin with the byte at which they occurred.
  Ref run();
  std::uint64_t position() const { return position_; }

  Dialect dialect() const { return dialect_; }
  Graph& graph() { return graph_; }

  template <class T>
  T number() {
    const T value = input_.number<T>(position_);
    position_ += sizeof(T);
    return value;
  }
  ByteRange take(std::uint64_t length);
  std::string line();

  void push(Ref ref);
  void push_new(Node node) { push(graph_.add(std::move(node))); }
  Ref pop();
  Ref top() const;

  void mark() { marks_.push_back(stack_.size()); }
  std::vector<Ref> pop_to_mark();

  // Throws a data error for more of them than there can be values.
  void remember(std::uint32_t index);
  void remember_next() { remember(static_cast<std::uint32_t>(memo_.size())); }
  void recall(std::uint32_t index);

  void stop() { stopped_ = true; }

 private:
  ByteRange input_;
  Dialect dialect_;
  Graph& graph_;
  std::uint64_t position_ = 0;
  bool stopped_ = false;
  std::vector<Ref> stack_;
  std::vector<std::size_t> marks_;  // heights of the stack
  std::unordered_map<std::uint32_t, Ref> memo_;
};

// Runs the one pickle that fills all of `input`; anything behind it is a data error.
Ref run_pickle(const ByteRange& input, Dialect dialect, Graph& graph);

}  // namespace dfm::data::pickle
