#include "data/pickle/graph.h"

#include <array>

#include "core/error.h"
#include "core/text.h"

namespace dfm::data::pickle {
namespace {

constexpr std::uint64_t kLongestName = 256;

constexpr std::array kKinds{"None",
                            "a truth value",
                            "an integer",
                            "a floating-point number",
                            "text",
                            "bytes",
                            "a list",
                            "a tuple",
                            "a dict",
                            "a very large integer",
                            "a class or function",
                            "an element type",
                            "an array without content",
                            "a storage",
                            "a tensor",
                            "an object"};
static_assert(kKinds.size() == std::variant_size_v<Node>);

}  // namespace

const char* kind_of(const Node& node) { return kKinds.at(node.index()); }

Ref Graph::add(Node node) {
  if (nodes_.size() >= most_nodes_) {
    throw data_error(fmt::format("it holds more than {} values", most_nodes_),
                     "save numbers as one tensor or array, not as a list");
  }
  nodes_.push_back(std::move(node));
  return static_cast<Ref>(nodes_.size() - 1);
}

std::string Graph::name(Ref ref, std::string_view what) {
  const ByteRange& utf8 = as<Text>(ref, what).utf8;
  if (utf8.size() > kLongestName) throw data_error(fmt::format("{} is {} bytes long", what, utf8.size()));
  return utf8.text();
}

Shape Graph::integers(Ref ref, std::string_view what) {
  const auto* list = std::get_if<List>(&at(ref));
  const std::vector<Ref>& items = list != nullptr ? list->items : as<Tuple>(ref, what).items;
  budget_->charge(items.size() * sizeof(std::int64_t));
  Shape result;
  for (const Ref item : items) result.push_back(as<std::int64_t>(item, what));
  return result;
}

TorchStorage Graph::torch_storage(const std::string& key, DType dtype, std::int64_t elements) {
  std::uint64_t size_bytes = 0;
  if (elements < 0 ||
      __builtin_mul_overflow(static_cast<std::uint64_t>(elements), size_of(dtype), &size_bytes)) {
    throw data_error(fmt::format("a storage of {} elements cannot be", elements));
  }
  auto& entry = torch_storages_[key];
  if (entry.storage == nullptr) {
    entry = {dtype, std::make_shared<Storage>()};
    entry.storage->size_bytes = size_bytes;
  }
  if (entry.dtype == dtype && entry.storage->size_bytes == size_bytes) return entry;
  throw data_error(fmt::format("the storage '{}' is described in two ways", printable(key)));
}

}  // namespace dfm::data::pickle
