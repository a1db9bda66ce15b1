#include "data/pickle/machine.h"

#include "data/pickle/opcodes.h"
#include "data/tensor/error_context.h"

namespace dfm::data::pickle {
namespace {

constexpr std::size_t kHighestStack = 1U << 20U;
constexpr std::size_t kLongestLine = 256;

}  // namespace

Ref Machine::run() {
  while (!stopped_) {
    const std::uint64_t place = position_;
    with_context([place] { return fmt::format("byte {}", place); },
                 [this] { execute(*this, number<std::uint8_t>()); });
  }
  return pop();
}

ByteRange Machine::take(std::uint64_t length) {
  ByteRange result = input_.part(position_, length);
  position_ += length;
  return result;
}

std::string Machine::line() {
  std::string result;
  for (char c = number<char>(); c != '\n'; c = number<char>()) {
    if (result.size() >= kLongestLine) throw data_error("a name is too long");
    result += c;
  }
  return result;
}

void Machine::push(Ref ref) {
  if (stack_.size() >= kHighestStack) throw data_error("it needs too high a stack");
  stack_.push_back(ref);
}

Ref Machine::pop() {
  const Ref ref = top();
  stack_.pop_back();
  return ref;
}

Ref Machine::top() const {
  const std::size_t floor = marks_.empty() ? 0 : marks_.back();
  if (stack_.size() <= floor) throw data_error("an operand is missing");
  return stack_.back();
}

std::vector<Ref> Machine::pop_to_mark() {
  if (marks_.empty()) throw data_error("a mark is missing");
  const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<Ref> items(first, stack_.end());
  stack_.erase(first, stack_.end());
  marks_.pop_back();
  return items;
}

void Machine::remember(std::uint32_t index) {
  if (memo_.size() >= graph_.most_nodes()) throw data_error("it remembers more values than it may hold");
  memo_[index] = top();
}

void Machine::recall(std::uint32_t index) {
  const auto found = memo_.find(index);
  if (found == memo_.end()) throw data_error(fmt::format("value {} is used before it is made", index));
  push(found->second);
}

Ref run_pickle(const ByteRange& input, Dialect dialect, Graph& graph) {
  Machine machine(input, dialect, graph);
  const Ref root = machine.run();
  if (machine.position() == input.size()) return root;
  throw data_error(fmt::format("{} bytes follow the end of the pickle", input.size() - machine.position()));
}

}  // namespace dfm::data::pickle
