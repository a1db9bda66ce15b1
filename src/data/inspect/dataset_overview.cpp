#include "data/inspect/dataset_overview.h"

#include <numeric>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "core/text.h"
#include "core/units.h"
#include "data/energon/index_metadata.h"
#include "data/energon/listed_shards.h"
#include "data/energon/sample_tables.h"
#include "data/energon/shapes_file.h"

namespace dfm::data {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostShardsInText = 20;

// Typed data sets name it below sample_type, crude and old ones at the top.
std::string read_sample_type(const fs::path& file) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return "";
  try {
    const YAML::Node root = YAML::Load(read_text(file));
    const YAML::Node type = root["sample_type"];
    const YAML::Node name = type.IsDefined() ? type["__class__"] : root["__class__"];
    return name.IsDefined() && name.IsScalar() ? name.Scalar() : "not named";
  } catch (const YAML::Exception& error) {
    throw data_error(fmt::format("{}: {}", file.native(), error.what()));
  }
}

std::string read_uuid(const fs::path& root) {
  std::error_code ignored;
  return fs::exists(root / kUuidFile, ignored) ? read_text(root / kUuidFile) : "";
}

std::string shard_lines(const DatasetOverview& overview) {
  std::string text;
  for (std::size_t i = 0; i < overview.info.shards.size() && i < kMostShardsInText; ++i) {
    const ShardCount& shard = overview.info.shards[i];
    text +=
        fmt::format("  {:>12} samples {:>12}  {}\n", format_count(static_cast<std::int64_t>(shard.samples)),
                    format_bytes(overview.shard_bytes[i]), printable(shard.name));
  }
  if (overview.info.shards.size() > kMostShardsInText)
    text +=
        fmt::format("  and {} more (--json lists all)\n", overview.info.shards.size() - kMostShardsInText);
  return text;
}

}  // namespace

std::uint64_t DatasetOverview::samples() const {
  return std::accumulate(info.shards.begin(), info.shards.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const ShardCount& shard) { return sum + shard.samples; });
}

std::uint64_t DatasetOverview::bytes() const {
  return std::accumulate(shard_bytes.begin(), shard_bytes.end(), std::uint64_t{0});
}

DatasetOverview dataset_overview(const fs::path& root) {
  DatasetOverview overview;
  overview.root = root;
  overview.info = read_dataset_info(root);
  for (const ShardFile& file : files_of(root, overview.info)) overview.shard_bytes.push_back(file.size_bytes);
  if (has_splits(root)) {
    const Splits splits = read_splits(root);
    overview.splits = summarise_splits(splits, overview.info.shards);
    overview.excluded = splits.exclude.size();
  }
  overview.sample_type = read_sample_type(root / kDatasetFile);
  overview.uuid = read_uuid(root);
  overview.has_tables = SampleTableReader::exists(root);
  overview.has_shapes = ShapesFile::exists(root);
  if (overview.has_tables) overview.parts = SampleTableReader(root).part_totals();
  return overview;
}

std::string overview_text(const DatasetOverview& overview) {
  std::string text = fmt::format(
      "{}: {} in {}, {}\nsample type: {}\nuuid: {}\n", overview.root.native(),
      format_count(static_cast<std::int64_t>(overview.samples()), "sample"),
      format_count(static_cast<std::int64_t>(overview.info.shards.size()), "shard"),
      format_bytes(overview.bytes()), overview.sample_type.empty() ? "no dataset.yaml" : overview.sample_type,
      overview.uuid.empty() ? "none" : overview.uuid);
  text += overview.has_tables ? "parts:\n" : "parts: not known, there is no index.sqlite\n";
  for (const PartTotal& part : overview.parts) {
    text += fmt::format("  {:>12} {:>12}  {}\n", format_count(static_cast<std::int64_t>(part.count)),
                        format_bytes(part.size_bytes), printable(part.name));
  }
  text += "splits:\n";
  for (const SplitSummary& split : overview.splits) {
    text +=
        fmt::format("  {:>20} in {}  {}\n", format_count(static_cast<std::int64_t>(split.samples), "sample"),
                    format_count(static_cast<std::int64_t>(split.shards), "shard"), printable(split.name));
  }
  if (overview.excluded > 0)
    text += fmt::format("  {} shards or samples are excluded by name\n", overview.excluded);
  return text + "shards:\n" + shard_lines(overview);
}

std::string overview_json(const DatasetOverview& overview) {
  Json shards = Json::array(), splits = Json::object(), parts = Json::object();
  for (std::size_t i = 0; i < overview.info.shards.size(); ++i) {
    const ShardCount& shard = overview.info.shards[i];
    shards.push_back({{"name", shard.name}, {"samples", shard.samples}, {"bytes", overview.shard_bytes[i]}});
  }
  for (const SplitSummary& split : overview.splits)
    splits[split.name] = {{"samples", split.samples}, {"shards", split.shards}};
  for (const PartTotal& part : overview.parts)
    parts[part.name] = {{"count", part.count}, {"bytes", part.size_bytes}};
  const auto text_or_null = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
  const Json json{{"path", overview.root.native()},
                  {"samples", overview.samples()},
                  {"bytes", overview.bytes()},
                  {"sample_type", text_or_null(overview.sample_type)},
                  {"uuid", text_or_null(overview.uuid)},
                  {"energon_version", text_or_null(overview.info.energon_version.value_or(""))},
                  {"recorded_shapes", overview.has_shapes},
                  {"parts", overview.has_tables ? parts : Json()},
                  {"splits", splits},
                  {"excluded", overview.excluded},
                  {"shards", shards}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace dfm::data
