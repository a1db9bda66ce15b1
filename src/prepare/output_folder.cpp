#include "prepare/output_folder.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "core/json.h"

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

fs::path OutputFolder::record_path(std::int64_t shard) const {
  return path_ / kMemory / fmt::format("shard_{:06}.json", shard);
}

std::optional<ShardRecord> OutputFolder::finished(std::int64_t shard) const {
  if (!fs::exists(shard_path(shard)) || !fs::exists(record_path(shard))) return std::nullopt;
  return shard_record_from_text(read_text(record_path(shard)), record_path(shard).native());
}

void OutputFolder::remember(std::int64_t shard, const ShardRecord& record) const {
  write_durably(record_path(shard), to_text(record));
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
