#include "data/pickle/pickle_reader.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "core/text.h"
#include "data/pickle/machine.h"
#include "data/tensor/error_context.h"

namespace dfm::data {
namespace {

using pickle::Graph;
using pickle::Node;
using pickle::Ref;

constexpr int kDeepest = 64;
constexpr std::size_t kMostValues = 1U << 20U;

// Copies a part of the graph into a value. What the pickle shares is copied each time it is met; the count of
// values, and the budget for their content, end what would grow without bound.
class Copier {
 public:
  explicit Copier(const Graph& graph) : graph_(graph) {}

  PickleValue copy(Ref ref) {
    if (++depth_ > kDeepest)
      throw data_error(fmt::format("it is nested deeper than {}, or holds itself", kDeepest));
    if (++count_ > kMostValues)
      throw data_error(fmt::format("it expands to more than {} values", kMostValues));
    PickleValue value = std::visit([this](const auto& node) { return convert(node); }, graph_.at(ref));
    --depth_;
    return value;
  }

 private:
  PickleValue convert(pickle::None) { return {}; }
  PickleValue convert(bool value) { return {value}; }
  PickleValue convert(std::int64_t value) { return {value}; }
  PickleValue convert(double value) { return {value}; }
  PickleValue convert(const pickle::Text& text) {
    graph_.budget().charge(text.utf8.size());
    std::string utf8 = text.utf8.text();
    if (!is_utf8(utf8)) throw data_error(fmt::format("the text '{}' is not UTF-8", printable(utf8)));
    return {std::move(utf8)};
  }
  PickleValue convert(const pickle::Bytes& bytes) {
    graph_.budget().charge(bytes.content.size());
    return {decoded(bytes.content, bytes.encoding, graph_.budget()).bytes()};
  }
  PickleValue convert(const pickle::List& list) { return {PickleList{copy_all(list.items)}}; }
  PickleValue convert(const pickle::Tuple& tuple) { return {PickleTuple{copy_all(tuple.items)}}; }
  PickleValue convert(const pickle::Dict& dict) {
    PickleDict result;
    for (const auto& [key, value] : dict.pairs) result.pairs.emplace_back(copy(key), copy(value));
    return {std::move(result)};
  }
  PickleValue convert(const pickle::View& view) { return {load(*view, graph_.budget())}; }
  template <class Other>
  PickleValue convert(const Other& other) {
    throw data_error(fmt::format("it holds {}, which is no plain value", pickle::kind_of(Node(other))));
  }

  std::vector<PickleValue> copy_all(const std::vector<Ref>& refs) {
    std::vector<PickleValue> values;
    // Not reserved: a list inside itself would reserve its length at every level.
    std::ranges::transform(refs, std::back_inserter(values), [this](Ref ref) { return copy(ref); });
    return values;
  }

  const Graph& graph_;
  int depth_ = 0;
  std::size_t count_ = 0;
};

}  // namespace

PickleValue read_pickle(std::span<const std::byte> bytes, std::string_view what) {
  return with_context([what] { return std::string(what); },
                      [bytes] {
                        MemoryBudget budget(bytes.size());
                        Graph graph(budget);
                        const Ref root =
                            pickle::run_pickle(ByteRange::of(bytes), pickle::Dialect::plain, graph);
                        return Copier(graph).copy(root);
                      });
}

}  // namespace dfm::data
