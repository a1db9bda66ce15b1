#include "data/inspect/sample_lookup.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/edit_distance.h"
#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "core/python_json.h"
#include "core/text.h"
#include "core/units.h"
#include "data/energon/dataset_metadata.h"
#include "data/energon/sample_table_reader.h"
#include "data/tensor/tensor_file.h"

namespace dfm::data {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargestTextBytes = 64U << 10U;

std::string nearest_of(const std::vector<std::string>& keys, std::string_view key) {
  if (keys.empty()) return "";
  return *std::ranges::min_element(keys, {},
                                   [&](const std::string& other) { return edit_distance(other, key); });
}

Error not_found(SampleTableReader& tables, std::string_view key) {
  std::string nearest = nearest_of(tables.keys_near(key), key);
  const std::string_view stem = key.substr(0, key.find('.', key.rfind('/') + 1));
  if (stem != key && tables.find(stem)) nearest = stem;  // a file was named, not a sample
  return data_error(fmt::format("there is no sample with the key {}", printable(key)),
                    nearest.empty() ? "the data set has no samples" : "the nearest is " + printable(nearest));
}

SampleRow find_row(SampleTableReader& tables, std::string_view key) {
  const auto row = tables.find(key);
  if (!row) throw not_found(tables, key);
  return *row;
}

std::string last_extension(const std::string& name) { return name.substr(name.rfind('.') + 1); }

std::optional<TensorFormat> format_of(const std::string& extension) {
  if (extension == "pth" || extension == "pt") return TensorFormat::torch;
  if (extension == "pickle" || extension == "pkl" || extension == "pyd") return TensorFormat::pickle;
  if (extension == "npy") return TensorFormat::npy;
  return std::nullopt;
}

// What the header of a tensor says, or why it cannot be read.
void add_tensor(Json& json, const PartRow& part, TensorFormat format, const File& shard) {
  const auto read_at = [&](std::uint64_t offset, std::span<std::byte> buffer) {
    shard.read_exactly(buffer, part.offset + offset);
  };
  try {
    const TensorHeader header =
        read_tensor_header(ByteRange::through(read_at, part.size_bytes), {part.name, format}, "it");
    json["dtype"] = name_of(header.dtype);
    json["shape"] = header.shape;
  } catch (const Error& error) {
    if (error.kind() != ExitCode::data) throw;
    json["unreadable"] = error.what();
  }
}

void add_content(Json& json, const PartRow& part, const File& shard) {
  std::string text(part.size_bytes, '\0');
  shard.read_exactly(std::as_writable_bytes(std::span(text)), part.offset);
  try {
    json["content"] = last_extension(part.name) == "json" ? parse_python_json(text, "it") : Json(text);
  } catch (const Error& error) {
    json["unreadable"] = error.what();
  }
}

Json describe(const PartRow& part, const File& shard) {
  Json json{{"part", part.name}, {"offset", part.offset}, {"bytes", part.size_bytes}};
  const std::string extension = last_extension(part.name);
  if (const auto format = format_of(extension)) add_tensor(json, part, *format, shard);
  if ((extension == "json" || extension == "txt") && part.size_bytes <= kLargestTextBytes)
    add_content(json, part, shard);
  return json;
}

std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

std::string text_of(const Json& sample) {
  std::string text =
      fmt::format("{}: sample {} of {}, bytes {} to {} ({})\n", printable(sample["key"].get<std::string>()),
                  sample["sample"].get<std::uint64_t>(), sample["shard"].get<std::string>(),
                  sample["offset"].get<std::uint64_t>(),
                  sample["offset"].get<std::uint64_t>() + sample["bytes"].get<std::uint64_t>(),
                  format_bytes(sample["bytes"].get<std::uint64_t>()));
  for (const Json& part : sample["parts"]) {
    text += fmt::format("  .{}  at byte {}, {} bytes", printable(part["part"].get<std::string>()),
                        part["offset"].get<std::uint64_t>(), part["bytes"].get<std::uint64_t>());
    if (part.contains("dtype"))
      text += fmt::format(", {} {}", part["dtype"].get<std::string>(), dump(part["shape"], -1));
    if (part.contains("unreadable")) text += ", unreadable: " + part["unreadable"].get<std::string>();
    text += '\n';
    if (part.contains("content")) text += dump(part["content"], 2) + "\n";
  }
  return text;
}

}  // namespace

ShownSample show_sample(const fs::path& root, std::string_view key) {
  const DatasetInfo info = read_dataset_info(root);
  if (!SampleTableReader::exists(root)) {
    throw data_error(fmt::format("{} has no index.sqlite, in which keys are looked up", root.native()),
                     fmt::format("make it: dfm_index {}", root.native()));
  }
  SampleTableReader tables(root);
  const SampleRow row = find_row(tables, key);
  if (row.shard >= info.shards.size())
    throw data_error("index.sqlite names a shard that .info.json does not have", "index the folder again");
  const File shard = File::open_to_read(root / info.shards[row.shard].name);
  Json parts = Json::array();
  for (const PartRow& part : tables.parts_of(row.shard, row.sample)) parts.push_back(describe(part, shard));
  const Json sample{{"key", row.key},          {"shard", info.shards[row.shard].name},
                    {"sample", row.sample},    {"offset", row.offset},
                    {"bytes", row.size_bytes}, {"parts", parts}};
  return {text_of(sample), dump(sample, 2) + "\n"};
}

}  // namespace dfm::data
