#include "ckpt/import/dcp_metadata.h"

#include <map>
#include <optional>

#include <fmt/core.h>

#include "ckpt/import/dcp_boxes.h"
#include "core/error.h"
#include "core/text.h"
#include "data/pickle/globals.h"
#include "data/pickle/machine.h"

namespace dfm::ckpt {
namespace {

using data::pickle::Dict;
using data::pickle::Graph;
using data::pickle::Ref;

constexpr std::uint64_t kMostBytes = 256U << 20U;
constexpr std::size_t kMostNodes = 1U << 23U;
constexpr std::size_t kMostDimensions = 32;
constexpr std::size_t kMostChunks = 1U << 16U;  // of a tensor

// An object of a data class whose state is a dict.
class Fields {
 public:
  Fields(Graph& graph, Ref object, std::string_view class_name) : graph_(graph), class_name_(class_name) {
    const auto& record = graph.as<data::pickle::Record>(object, fmt::format("a {}", class_name));
    if (record.global->name != class_name) {
      throw data_error(fmt::format("there is a {} in place of a {}", record.global->name, class_name));
    }
    state_ = record.content;
  }

  std::optional<Ref> find(std::string_view field) const {
    for (const auto& [key, value] :
         graph_.as<Dict>(state_, fmt::format("the state of a {}", class_name_)).pairs) {
      if (graph_.name(key, "the name of a field") == field) return value;
    }
    return std::nullopt;
  }

  Ref at(std::string_view field) const {
    if (const auto found = find(field)) return *found;
    throw data_error(fmt::format("a {} has no '{}'", class_name_, field));
  }

  Ref state() const { return state_; }

 private:
  Graph& graph_;
  std::string_view class_name_;
  Ref state_ = 0;
};

std::string text_of(Graph& graph, Ref ref, std::string_view what) {
  std::string text = graph.name(ref, what);
  if (!is_utf8(text)) throw data_error(fmt::format("{} '{}' is not UTF-8", what, printable(text)));
  return text;
}

// (dtype, layout, requires_grad, memory format, pin_memory)
DType dtype_of(Graph& graph, Ref properties) {
  const Fields fields(graph, properties, "TensorProperties");
  const auto* const tuple = std::get_if<data::pickle::Tuple>(&graph.at(fields.state()));
  if (tuple != nullptr && tuple->items.empty()) throw data_error("TensorProperties have no dtype");
  const Ref dtype = tuple != nullptr ? tuple->items.front() : fields.at("dtype");
  const auto& global = *graph.as<data::pickle::Name>(dtype, "the dtype of a tensor").global;
  if (global.kind == data::pickle::GlobalKind::element_type) return global.dtype;
  throw data_error(fmt::format("{} is not an element type", global.name));
}

struct Place {
  std::string file;
  std::uint64_t begin = 0, size_bytes = 0;
};

// By name of the tensor and offsets of the box.
using Places = std::map<std::pair<std::string, Shape>, Place>;

std::uint64_t count_of(Graph& graph, Ref ref, std::string_view what) {
  const auto value = graph.as<std::int64_t>(ref, what);
  if (value < 0) throw data_error(fmt::format("{} is {}", what, value));
  return static_cast<std::uint64_t>(value);
}

Place place_of(Graph& graph, Ref info) {
  const Fields fields(graph, info, "_StorageInfo");
  Place place;
  place.file = text_of(graph, fields.at("relative_path"), "the path of a file");
  if (place.file.empty() || place.file.front() == '.' || place.file.find('/') != std::string::npos) {
    throw data_error(fmt::format("it names a file '{}' outside of its folder", printable(place.file)));
  }
  place.begin = count_of(graph, fields.at("offset"), "the offset of an item");
  place.size_bytes = count_of(graph, fields.at("length"), "the length of an item");
  const auto transforms = fields.find("transform_descriptors");
  const auto* const list = transforms ? std::get_if<data::pickle::List>(&graph.at(*transforms)) : nullptr;
  if (list != nullptr && !list->items.empty()) {
    throw data_error("its items are compressed or otherwise transformed",
                     "save it without transforming extensions");
  }
  return place;
}

Places places_of(Graph& graph, Ref storage_data) {
  Places places;
  for (const auto& [key, value] : graph.as<Dict>(storage_data, "storage_data").pairs) {
    const Fields index(graph, key, "MetadataIndex");
    const auto offset = index.find("offset");  // left out, or None: no tensor
    if (!offset || std::holds_alternative<data::pickle::None>(graph.at(*offset))) continue;
    places.insert_or_assign({text_of(graph, index.at("fqn"), "the name of an item"),
                             graph.integers(*offset, "the offset of a box")},
                            place_of(graph, value));
  }
  return places;
}

DcpChunk chunk_of(Graph& graph, Ref ref, const DcpTensor& tensor, const Places& places) {
  const Fields fields(graph, ref, "ChunkStorageMetadata");
  DcpChunk chunk{graph.integers(fields.at("offsets"), "the offsets of a box"),
                 graph.integers(fields.at("sizes"), "the sizes of a box"),
                 {},
                 0,
                 0};
  require_inside(tensor, chunk);
  const auto place = places.find({tensor.name, chunk.offsets});
  if (place == places.end()) {
    throw data_error(
        fmt::format("it does not say where the part of {} at {} lies", tensor.name, to_text(chunk.offsets)));
  }
  chunk.file = place->second.file;
  chunk.begin = place->second.begin;
  chunk.size_bytes = place->second.size_bytes;
  return chunk;
}

DcpTensor tensor_of(Graph& graph, const std::string& name, Ref ref, const Places& places) {
  const Fields fields(graph, ref, "TensorStorageMetadata");
  DcpTensor tensor{name,
                   dtype_of(graph, fields.at("properties")),
                   graph.integers(fields.at("size"), "the size of a tensor"),
                   {}};
  if (tensor.shape.size() > kMostDimensions)
    throw data_error(fmt::format("{} has too many dimensions", name));
  const std::int64_t elements = element_count(tensor.shape);
  const auto& chunks = graph.as<data::pickle::List>(fields.at("chunks"), "the chunks of a tensor").items;
  if (chunks.size() > kMostChunks) throw data_error(fmt::format("{} has {} parts", name, chunks.size()));
  for (const Ref chunk : chunks) {
    DcpChunk made = chunk_of(graph, chunk, tensor, places);
    if (element_count(made.sizes) > 0) tensor.chunks.push_back(std::move(made));
  }
  if (elements > 0) require_filled(tensor);
  return tensor;
}

bool is_tensor(Graph& graph, Ref ref) {
  const auto& record = graph.as<data::pickle::Record>(ref, "what describes an item");
  return record.global->name == "TensorStorageMetadata";
}

}  // namespace

DcpMetadata read_dcp_metadata(const data::ByteRange& file) {
  if (file.size() > kMostBytes) throw data_error(fmt::format("it is {} bytes long", file.size()));
  const std::vector<std::byte> bytes = file.bytes();
  data::MemoryBudget budget(bytes.size());
  Graph graph(budget, kMostNodes);
  const Ref root = run_pickle(data::ByteRange::of(bytes), data::pickle::Dialect::plain, graph);
  const Fields metadata(graph, root, "Metadata");
  const Places places = places_of(graph, metadata.at("storage_data"));
  DcpMetadata result;
  for (const auto& [key, value] :
       graph.as<Dict>(metadata.at("state_dict_metadata"), "state_dict_metadata").pairs) {
    const std::string name = text_of(graph, key, "the name of an item");
    if (is_tensor(graph, value)) {
      result.tensors.push_back(tensor_of(graph, name, value, places));
    } else {
      result.others.push_back(name);
    }
  }
  return result;
}

}  // namespace dfm::ckpt
