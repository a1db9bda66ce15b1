#include "data/energon/shard_result.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/text.h"
#include "data/energon/sample_key.h"
#include "data/energon/shapes_file.h"
#include "data/energon/tar_index.h"

namespace dfm::data {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostExamples = 3;

// KEY.pth or KEY..pth: the recipes of the reference write both. The last of several counts.
const SamplePart* find_part(const ShardSample& sample, std::string_view extension) {
  const SamplePart* found = nullptr;
  for (const SamplePart& part : sample.parts) {
    const bool has_extra_dot = part.extension.starts_with('.');
    if (std::string_view(part.extension).substr(has_extra_dot ? 1 : 0) == extension) found = &part;
  }
  return found;
}

// Gathers what is known of each sample, in their order.
class SampleNotes {
 public:
  SampleNotes(const File& shard, std::string name, const ShapeReader& read_shapes)
      : shard_(shard), name_(std::move(name)), read_shapes_(read_shapes) {}

  void add(const ShardSample& sample) {
    result_.key_hashes.push_back(hash64(sample.key));
    if (read_shapes_) add_shape(sample);
  }

  ShardResult take() {
    result_.summary.rows_hash = hash_of_rows(result_.rows);
    return std::move(result_);
  }

 private:
  void add_shape(const ShardSample& sample) {
    const SamplePart* const pth = find_part(sample, "pth");
    const SamplePart* const pickle = find_part(sample, "pickle");
    SampleShape row;
    try {
      if (pth == nullptr || pickle == nullptr) {
        throw data_error(fmt::format("has no {} part", pth == nullptr ? "pth" : "pickle"));
      }
      ++result_.summary.samples_with_tensors;
      if (pth->is_sparse || pickle->is_sparse)
        throw data_error("is stored as a sparse file: pack it without holes");
      const TensorShapes shapes = read_shapes_(shard_, *pth, *pickle);
      note_width(shapes.text_width, sample.key);
      row = shapes.shape;
    } catch (const Error& error) {
      if (error.kind() != ExitCode::data) throw;
      note_unreadable(sample.key, error.what());
    }
    result_.rows.push_back(row);
  }

  void note_width(std::uint32_t width, const std::string& key) {
    auto& widths = result_.summary.text_widths;
    if (widths.size() < 2 && std::ranges::find(widths, width, &TextWidth::width) == widths.end()) {
      widths.push_back({width, fmt::format("{} of {}", printable(key), name_)});
    }
  }

  void note_unreadable(const std::string& key, std::string_view reason) {
    ++result_.summary.samples_without_shape;
    auto& examples = result_.summary.unreadable;
    if (examples.size() < kMostExamples)
      examples.push_back(fmt::format("{} of {}: {}", printable(key), name_, reason));
  }

  const File& shard_;
  std::string name_;
  const ShapeReader& read_shapes_;
  ShardResult result_;
};

ShardResult skipped(const Error& error) {
  ShardResult result;
  result.summary.skip_reason =
      error.hint().empty() ? error.what() : fmt::format("{} ({})", error.what(), error.hint());
  return result;
}

// Bytes that are not UTF-8 (a file's extension may hold any) become replacement characters.
std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

ShardResult index_shard(const fs::path& root, const std::string& name, const ShapeReader& read_shapes) {
  ShardScan scan;
  ShardResult result;
  try {
    const File shard = File::open_to_read(root / name);
    SampleNotes notes(shard, name, read_shapes);
    scan = scan_shard(shard, [&](const ShardSample& sample) { notes.add(sample); });
    result = notes.take();
  } catch (const Error& error) {
    if (error.kind() != ExitCode::data && error.kind() != ExitCode::storage) throw;
    return skipped(error);
  }
  write_tar_index(root / name, scan.offsets);
  result.summary.samples = scan.sample_count();
  result.summary.end_offset = scan.offsets.back();
  result.summary.lost_bytes = scan.lost_bytes;
  result.summary.extensions.assign(scan.extensions.begin(), scan.extensions.end());
  for (const std::string& warning : scan.warnings)
    result.summary.warnings.push_back(fmt::format("{}: {}", name, warning));
  return result;
}

std::string to_text(const ShardSummary& summary) {
  Json widths = Json::array();
  for (const TextWidth& width : summary.text_widths) widths.push_back({width.width, width.sample});
  return dump(Json{{"skip_reason", summary.skip_reason},
                   {"samples", summary.samples},
                   {"end_offset", summary.end_offset},
                   {"lost_bytes", summary.lost_bytes},
                   {"extensions", summary.extensions},
                   {"warnings", summary.warnings},
                   {"samples_with_tensors", summary.samples_with_tensors},
                   {"samples_without_shape", summary.samples_without_shape},
                   {"unreadable", summary.unreadable},
                   {"text_widths", widths},
                   {"rows_hash", summary.rows_hash}});
}

ShardSummary shard_summary_from_text(const std::string& text) {
  const Json json = parse_json(text, "summary of a shard");
  ShardSummary summary;
  json.at("skip_reason").get_to(summary.skip_reason);
  json.at("samples").get_to(summary.samples);
  json.at("end_offset").get_to(summary.end_offset);
  json.at("lost_bytes").get_to(summary.lost_bytes);
  json.at("extensions").get_to(summary.extensions);
  json.at("warnings").get_to(summary.warnings);
  json.at("samples_with_tensors").get_to(summary.samples_with_tensors);
  json.at("samples_without_shape").get_to(summary.samples_without_shape);
  json.at("unreadable").get_to(summary.unreadable);
  json.at("rows_hash").get_to(summary.rows_hash);
  for (const Json& width : json.at("text_widths")) {
    summary.text_widths.push_back({width.at(0).get<std::uint32_t>(), width.at(1).get<std::string>()});
  }
  return summary;
}

std::string read_sample_key(const fs::path& shard, std::uint64_t sample) {
  const File file = File::open_to_read(shard);
  const std::vector<std::uint64_t> offsets = read_tar_index(shard, file.size());
  TarScanner scanner(TarSource(file), offsets.at(sample));
  while (const auto member = scanner.next()) {
    if (const auto name = split_member_name(member->name); name && member->is_regular)
      return std::string(name->key);
  }
  throw data_error(fmt::format("{} has no sample where its index says", shard.native()));
}

}  // namespace dfm::data
