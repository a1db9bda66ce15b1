#include "data/pickle/torch_stream.h"

#include <algorithm>
#include <array>
#include <set>
#include <span>

#include "core/text.h"
#include "data/pickle/machine.h"

namespace dfm::data::pickle {
namespace {

// 0x1950a86a20f9469cfc6c
constexpr std::array<unsigned char, 10> kMagicNumber{0x6c, 0xfc, 0x9c, 0x46, 0xf9,
                                                     0x20, 0x6a, 0xa8, 0x50, 0x19};
constexpr std::int64_t kVersion = 1001;

class Stream {
 public:
  Stream(const ByteRange& stream, Graph& graph) : rest_(stream), graph_(graph) {}

  Ref read() {
    check_magic_number(next());
    if (graph_.as<std::int64_t>(next(), "the version of the torch stream") != kVersion) {
      throw data_error("the torch stream has a version that is not supported");
    }
    graph_.as<Dict>(next(), "what the torch stream says of the system");
    const Ref object = next();
    for (const Ref key : graph_.as<List>(next(), "the storage keys of the torch stream").items) {
      find_storage(graph_.name(key, "a storage key"));
    }
    if (rest_.size() > 0)
      throw data_error(fmt::format("{} bytes follow the end of the torch stream", rest_.size()));
    refuse_missing();
    return object;
  }

 private:
  Ref next() {
    Machine machine(rest_, Dialect::torch, graph_);
    const Ref root = machine.run();
    take(machine.position());
    return root;
  }

  ByteRange take(std::uint64_t length) {
    ByteRange result = rest_.part(0, length);
    rest_ = rest_.part(length, rest_.size() - length);
    return result;
  }

  void check_magic_number(Ref number) {
    const auto* wide = std::get_if<WideInteger>(&graph_.at(number));
    const auto expected = std::as_bytes(std::span(kMagicNumber));
    if (wide != nullptr && std::ranges::equal(wide->bytes.bytes(), expected)) return;
    throw data_error("it is neither a ZIP archive nor a stream of torch.save");
  }

  void find_storage(const std::string& key) {
    const auto found = graph_.torch_storages().find(key);
    if (found == graph_.torch_storages().end()) {
      throw data_error(fmt::format("nothing uses the storage '{}'", printable(key)));
    }
    const auto& [dtype, storage] = found->second;
    const auto elements = take(sizeof(std::int64_t)).number<std::uint64_t>(0);
    if (elements != storage->size_bytes / size_of(dtype) || !found_.insert(key).second) {
      throw data_error(fmt::format("the storage '{}' is described in two ways", printable(key)));
    }
    storage->content = take(storage->size_bytes);
  }

  void refuse_missing() const {
    for (const auto& [key, entry] : graph_.torch_storages()) {
      if (!found_.contains(key)) throw data_error(fmt::format("the storage '{}' is missing", printable(key)));
    }
  }

  ByteRange rest_;
  Graph& graph_;
  std::set<std::string> found_;
};

}  // namespace

Ref read_torch_stream(const ByteRange& stream, Graph& graph) { return Stream(stream, graph).read(); }

}  // namespace dfm::data::pickle
