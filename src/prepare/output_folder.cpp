#include "prepare/output_folder.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "core/streamed_file.h"
#include "core/text.h"
#include "data/tar/tar_header_text.h"

namespace dfm::prepare {
namespace fs = std::filesystem;
namespace {

constexpr const char* kMemory = ".dfm_prepare";

bool holds_shards(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".tar") return true;
  }
  return false;
}

std::string part_name(const ItemRange& part) {
  return fmt::format("part_{:09}_{:09}.tar", part.begin, part.end);
}

std::optional<ItemRange> parse_part_name(const std::string& name) {
  constexpr std::string_view kPrefix = "part_";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  ItemRange part;
  const char* const end = name.data() + name.size();
  const char* const after_begin = std::from_chars(name.data() + kPrefix.size(), end, part.begin).ptr;
  if (after_begin != end) std::from_chars(after_begin + 1, end, part.end);
  return name == part_name(part) ? std::optional(part) : std::nullopt;
}

// Parts are whole archives.
void append_without_end(const fs::path& part, StreamedFile& out) {
  constexpr std::uint64_t kPieceBytes = 4U << 20U;
  const File in = File::open_to_read(part);
  const std::uint64_t end = in.size() - std::min(in.size(), data::kTarEndBytes);
  std::vector<std::byte> piece;
  for (std::uint64_t at = 0; at < end; at += piece.size()) {
    piece.resize(std::min(kPieceBytes, end - at));
    in.read_exactly(piece, at);
    out.append(piece);
  }
}

}  // namespace

void OutputFolder::claim(const std::string& fingerprint) const {
  const fs::path note = path_ / kMemory / "fingerprint.txt";
  make_folder(path_ / kMemory);
  if (fs::exists(note)) {
    if (read_text(note) == fingerprint) return;
    throw usage_error(fmt::format("{} holds shards of another source or of other settings", path_.native()),
                      "choose another output folder, or remove this one");
  }
  if (holds_shards(path_)) {
    throw usage_error(fmt::format("{} holds shards that dfm_prepare did not make", path_.native()),
                      "choose an empty output folder");
  }
  write_durably(note, fingerprint);
}

fs::path OutputFolder::shard_path(std::int64_t shard) const {
  return path_ / fmt::format("shard_{:06}.tar", shard);
}

fs::path OutputFolder::part_path(const ItemRange& part) const { return path_ / kMemory / part_name(part); }

fs::path OutputFolder::record_path(const fs::path& tar) const {
  return path_ / kMemory / tar.stem().replace_extension(".json");
}

std::optional<ShardRecord> OutputFolder::finished(const fs::path& tar) const {
  if (!fs::exists(tar) || !fs::exists(record_path(tar))) return std::nullopt;
  return shard_record_from_text(read_text(record_path(tar)), record_path(tar).native());
}

void OutputFolder::remember(const fs::path& tar, const ShardRecord& record) const {
  write_durably(record_path(tar), to_text(record));
}

std::vector<ItemRange> OutputFolder::parts() const {
  std::vector<ItemRange> found;
  for (const auto& entry : fs::directory_iterator(path_ / kMemory)) {
    const auto part = parse_part_name(entry.path().filename().native());
    if (part && finished(entry.path())) found.push_back(*part);
  }
  return found;
}

void OutputFolder::put_together(std::int64_t shard, std::span<const ItemRange> parts) const {
  ShardRecord all;
  StreamedFile out(shard_path(shard));
  for (const ItemRange& part : parts) {
    const auto record = finished(part_path(part));
    if (!record) throw storage_error(fmt::format("{} has vanished", part_path(part).native()), "run again");
    all.samples += record->samples;
    all.skipped.insert(all.skipped.end(), record->skipped.begin(), record->skipped.end());
    append_without_end(part_path(part), out);
  }
  out.append(std::vector<std::byte>(data::kTarEndBytes));
  remember(shard_path(shard), all);
  out.commit();
  for (const ItemRange& part : parts) {
    remove_file(part_path(part));
    remove_file(record_path(part_path(part)));
  }
}

void OutputFolder::remove_parts() const {
  std::vector<fs::path> parts;
  for (const auto& entry : fs::directory_iterator(path_ / kMemory)) {
    const std::string name = entry.path().filename().native();
    if (name.starts_with("part_") || name.starts_with(".part_")) parts.push_back(entry.path());
  }
  for (const fs::path& part : parts) remove_file(part);
}

fs::path OutputFolder::left_out_list() const { return path_ / kMemory / "left_out.txt"; }

void OutputFolder::write_left_out(const std::vector<std::string>& skipped) const {
  if (skipped.empty()) return remove_file(left_out_list());  // of an earlier run
  std::string text;
  for (const std::string& each : skipped) text += printable(each) + "\n";
  write_durably(left_out_list(), text);
}

std::string to_text(const ShardRecord& record) {
  return Json{{"samples", record.samples}, {"skipped", record.skipped}}.dump();
}

ShardRecord shard_record_from_text(const std::string& text, const std::string& what) {
  try {
    const Json json = parse_json(text, what);
    return {json.at("samples"), json.at("skipped")};
  } catch (const nlohmann::json::exception& error) {
    throw data_error(fmt::format("{} is damaged: {}", what, error.what()),
                     "remove it to have its shard made again");
  }
}

}  // namespace dfm::prepare
