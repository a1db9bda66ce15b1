#include "prepare/output_folder.h"

#include <charconv>
#include <optional>
#include <string_view>

#include <fmt/core.h>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

namespace dfm::prepare {
namespace fs = std::filesystem;
namespace {

constexpr const char* kMemory = ".dfm_prepare";
constexpr const char* kCaptions = "captions.bin";

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

}  // namespace

void OutputFolder::claim(const std::string& fingerprint, std::span<const std::uint64_t> captions) const {
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
  remember_captions(captions);
  write_durably(note, fingerprint);
}

std::vector<std::uint64_t> OutputFolder::captions(std::size_t items) const {
  const fs::path path = path_ / kMemory / kCaptions;
  std::vector<std::uint64_t> hashes(items);
  const File file = File::open_to_read(path);
  if (file.size() != items * sizeof(std::uint64_t)) {
    throw data_error(fmt::format("{} is not as long as {} captions ask", path.native(), items),
                     "choose another output folder");
  }
  file.read_exactly(std::as_writable_bytes(std::span(hashes)), 0);
  return hashes;
}

void OutputFolder::remember_captions(std::span<const std::uint64_t> hashes) const {
  DurableFile file(path_ / kMemory / kCaptions);
  file.append(std::as_bytes(hashes));
  file.commit();
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

void OutputFolder::remove_parts() const {
  std::vector<fs::path> parts;
  for (const auto& entry : fs::directory_iterator(path_ / kMemory)) {
    const std::string name = entry.path().filename().native();
    if (name.starts_with("part_") || name.starts_with(".part_")) parts.push_back(entry.path());
  }
  for (const fs::path& part : parts) remove_file(part);
}

fs::path OutputFolder::left_out_list() const { return path_ / kMemory / "left_out.txt"; }

void OutputFolder::write_left_out(const ShardRecord& all) const {
  if (all.left_out.empty()) return remove_file(left_out_list());  // of an earlier run
  std::string text;
  for (const LeftOut& each : all.left_out) text += printable(each.text) + "\n";
  write_durably(left_out_list(), text);
}

}  // namespace dfm::prepare
