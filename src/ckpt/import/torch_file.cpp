// Dicts of tensors that torch.save wrote: model.pth, and one shard a rank.
#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "ckpt/export/metadata.h"
#include "ckpt/import/foreign.h"
#include "core/error.h"
#include "core/json.h"
#include "core/text.h"
#include "data/pickle/torch_archive.h"
#include "data/pickle/torch_stream.h"
#include "data/tensor/error_context.h"
#include "data/zip/crc.h"
#include "data/zip/reader.h"

namespace dfm::ckpt {
namespace fs = std::filesystem;
namespace {

using data::pickle::Graph;
using data::pickle::Ref;

constexpr std::string_view kShardPrefix = "model_rank_";
constexpr int kDeepestDict = 8;
constexpr std::size_t kMostEntries = 1U << 20U;
constexpr std::uint64_t kLongestRecord = 4U << 20U;

using TensorsByName = std::map<std::string, SourceTensor>;

// Walks through the dicts of one file.
class Collector {
 public:
  Collector(Graph& graph, std::string place, Source& source, TensorsByName& tensors)
      : graph_(graph), place_(std::move(place)), source_(source), tensors_(tensors) {}

  void collect(Ref ref, const std::string& prefix, int depth) {
    if (depth > kDeepestDict)
      throw data_error(fmt::format("its dicts are nested deeper than {}", kDeepestDict));
    for (const auto& [key, value] : graph_.as<data::pickle::Dict>(ref, "what the file holds").pairs) {
      if (++entries_ > kMostEntries)
        throw data_error(fmt::format("it has more than {} entries", kMostEntries));
      add(prefix + key_text(key), value, depth);
    }
  }

 private:
  std::string key_text(Ref key) {
    if (const auto* const number = std::get_if<std::int64_t>(&graph_.at(key)))
      return fmt::format("{}", *number);
    std::string name = graph_.name(key, "the name of an entry");
    if (!is_utf8(name)) throw data_error(fmt::format("the name '{}' is not UTF-8", printable(name)));
    return name;
  }

  void add(const std::string& name, Ref value, int depth) {
    const auto& node = graph_.at(value);
    if (std::holds_alternative<data::pickle::Dict>(node)) return collect(value, name + ".", depth + 1);
    const auto* const view = std::get_if<data::pickle::View>(&node);
    if (view == nullptr) {
      source_.left_out.push_back(name);
      return;
    }
    SourceTensor tensor{.name = name, .dtype = (*view)->dtype, .shape = (*view)->layout.shape};
    tensor.read = reader_of(*view);
    note_checksum(**view, tensor);
    tensors_.insert_or_assign(name, std::move(tensor));
  }

  void note_checksum(const data::ArrayView& view, SourceTensor& tensor) {
    const auto& storage = view.storage;
    if (storage->crc32 == 0) return;
    if (is_dense(view) && view.layout.offset == 0 && tensor.size_bytes() == storage->size_bytes) {
      tensor.crc32 = storage->crc32;
    } else if (checked_.insert(storage.get()).second) {
      tensor.checks.push_back(
          {place_, storage->size_bytes, [storage] { data::check_crc(storage->content, storage->crc32); }});
    }
  }

  Graph& graph_;
  std::string place_;
  Source& source_;
  TensorsByName& tensors_;
  std::set<const data::Storage*> checked_;
  std::size_t entries_ = 0;
};

// What dfm_consolidate leaves beside the tensors.
void read_own_records(const data::ByteRange& file, Source& source) {
  const data::ZipReader archive(file);
  const auto record = [&](const char* key) -> std::optional<std::string> {
    const std::string name = fmt::format("archive/{}", key);
    if (!archive.contains(name)) return std::nullopt;
    const data::ZipEntry entry = archive.entry(name);
    if (entry.content.size() > kLongestRecord) throw data_error(name + " is too long");
    data::check_crc(entry.content, entry.crc32);
    return entry.content.text();
  };
  if (const auto text = record(kConfigMetadata)) source.config = config_from_text(*text);
  if (const auto text = record(kStepMetadata)) source.step = step_from_text(*text);
}

void add_file(const fs::path& path, Source& source, TensorsByName& tensors) {
  const data::ByteRange file = byte_range_of(path);
  data::MemoryBudget budget(file.size());
  Graph graph(budget);
  const bool is_archive = data::ZipReader::recognizes(file);
  const Ref root = is_archive ? data::pickle::read_torch_archive(file, graph)
                              : data::pickle::read_torch_stream(file, graph);
  if (is_archive) read_own_records(file, source);
  Collector(graph, path.filename().native(), source, tensors).collect(root, "", 0);
}

// Negative for other names.
int shard_number(const std::string& name) {
  if (!name.starts_with(kShardPrefix) || !name.ends_with(".pt")) return -1;
  int number = -1;
  const char* const end = name.data() + name.size() - 3;
  const auto [rest, error] = std::from_chars(name.data() + kShardPrefix.size(), end, number);
  return error == std::errc{} && rest == end ? number : -1;
}

}  // namespace

std::vector<fs::path> rank_shard_files(const fs::path& folder) {
  std::map<int, fs::path> found;
  if (!fs::is_directory(folder)) return {};
  for (const auto& entry : fs::directory_iterator(folder)) {
    const int number = shard_number(entry.path().filename().native());
    if (number >= 0) found.emplace(number, entry.path());
  }
  std::vector<fs::path> paths;
  for (const auto& [number, path] : found) {
    if (number != static_cast<int>(paths.size())) {
      throw data_error(fmt::format("{} has {} but no {}{}.pt", folder.native(), path.filename().native(),
                                   kShardPrefix, paths.size()),
                       "copy the missing shard into the folder");
    }
    paths.push_back(path);
  }
  return paths;
}

Source open_torch_files(const std::vector<fs::path>& paths) {
  Source source;
  TensorsByName tensors;
  for (const fs::path& path : paths) {
    data::with_context([&] { return path.native(); }, [&] { add_file(path, source, tensors); });
  }
  for (auto& [name, tensor] : tensors) source.tensors.push_back(std::move(tensor));
  return source;
}

}  // namespace dfm::ckpt
