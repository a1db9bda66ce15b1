// What a pickle builds while it is read: nodes that refer to each other by number. A pickle may share a node,
// or put a list into itself; numbers, unlike owning pointers, make neither a leak nor an endless recursion of
// that.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/core.h>

#include "core/error.h"
#include "data/tensor/array_view.h"
#include "data/tensor/byte_range.h"
#include "data/tensor/memory_budget.h"

namespace dfm::data::pickle {

struct Global;

using Ref = std::uint32_t;

struct None {};
struct Text {
  ByteRange utf8;
};
struct Bytes {
  ByteRange content;
  Encoding encoding = Encoding::raw;
};
struct List {
  std::vector<Ref> items;
};
struct Tuple {
  std::vector<Ref> items;
};
struct Dict {
  std::vector<std::pair<Ref, Ref>> pairs;
};
// An integer of more than 8 bytes, two's complement, least significant byte first.
struct WideInteger {
  ByteRange bytes;
};
// One of the permitted names.
struct Name {
  const Global* global = nullptr;
};
// numpy.dtype(...)
struct ElementType {
  DType dtype = DType::float32;
  bool swapped = false;
};
// What numpy's _reconstruct returns: an array that waits for its state.
struct UnbuiltArray {};
// torch's storage. Its content is found when the pickle that names it has been read.
struct TorchStorage {
  DType dtype = DType::float32;
  std::shared_ptr<Storage> storage;
};
using View = std::shared_ptr<const ArrayView>;
// An object of one of the permitted data classes: what it was made with, or the state that was set on it
// later. It is looked at, never run.
struct Record {
  const Global* global = nullptr;
  Ref content = 0;
};

using Node = std::variant<None, bool, std::int64_t, double, Text, Bytes, List, Tuple, Dict, WideInteger, Name,
                          ElementType, UnbuiltArray, TorchStorage, View, Record>;

// "None", "a number", "a tuple", ...
const char* kind_of(const Node& node);

class Graph {
 public:
  static constexpr std::size_t kMostNodes = 1U << 20U;  // more than a file of tensors has reason to have

  explicit Graph(MemoryBudget& budget, std::size_t most_nodes = kMostNodes)
      : budget_(&budget), most_nodes_(most_nodes) {}

  // Throws a data error for more nodes than are allowed.
  Ref add(Node node);
  std::size_t most_nodes() const { return most_nodes_; }
  Node& at(Ref ref) { return nodes_.at(ref); }
  const Node& at(Ref ref) const { return nodes_.at(ref); }

  // The node as T; otherwise a data error: "`what` is a list".
  template <class T>
  T& as(Ref ref, std::string_view what) {
    if (T* const content = std::get_if<T>(&nodes_.at(ref))) return *content;
    throw data_error(fmt::format("{} is {}", what, kind_of(at(ref))));
  }
  // A short text, such as a name.
  std::string name(Ref ref, std::string_view what);
  // A tuple or list of integers, such as a shape.
  Shape integers(Ref ref, std::string_view what);

  // The torch storage of that key, made when it is met first.
  TorchStorage torch_storage(const std::string& key, DType dtype, std::int64_t elements);
  const std::map<std::string, TorchStorage>& torch_storages() const { return torch_storages_; }

  MemoryBudget& budget() const { return *budget_; }

 private:
  MemoryBudget* budget_;
  std::size_t most_nodes_;
  std::deque<Node> nodes_;
  std::map<std::string, TorchStorage> torch_storages_;
};

}  // namespace dfm::data::pickle
