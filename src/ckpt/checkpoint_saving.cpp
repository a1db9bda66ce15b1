// Committing checkpoints, and removing old ones.
#include <algorithm>
#include <array>
#include <ctime>
#include <limits>
#include <sstream>
#include <system_error>

#include <fmt/core.h>

#include "ckpt/checkpoint.h"
#include "ckpt/pointer.h"
#include "comm/agree.h"
#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/log.h"

namespace dfm::ckpt {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kRankPrefix = "rank_";

std::string rank_file_name(int rank) { return fmt::format("{}{:05}.h5", kRankPrefix, rank); }

std::string now_as_text() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text.data();
}

// Without its manifest a folder is no checkpoint, so this comes first: whatever an earlier attempt left in it
// can then never be mixed with what is written now.
void invalidate(const fs::path& folder) {
  make_folder(folder);
  remove_file(folder / kManifestName);
  sync_folder(folder);
  sync_folder(folder.parent_path());
}

FileRecord write_own_file(const fs::path& folder, int rank, const std::vector<Piece>& pieces) {
  const fs::path path = folder / rank_file_name(rank);
  write_pieces(path, pieces);
  return {path.filename().native(), fs::file_size(path), hex(hash_file(path))};
}

// Rank files, finished or not, that the manifest does not list, e.g. of an attempt with more ranks.
void remove_strangers(const fs::path& folder, const Manifest& manifest) {
  std::vector<fs::path> strangers;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().native();
    const bool is_ours = name.starts_with(kRankPrefix) || name.starts_with("." + std::string(kRankPrefix));
    const bool listed = std::ranges::find(manifest.files, name, &FileRecord::name) != manifest.files.end();
    if (is_ours && !listed) strangers.push_back(entry.path());
  }
  for (const fs::path& path : strangers) remove_file(path);
}

std::vector<FileRecord> gather_records(const comm::Group& world, const FileRecord& mine) {
  const auto texts = world.all_gather_text(fmt::format("{} {} {}", mine.size_bytes, mine.xxh3, mine.name));
  std::vector<FileRecord> records;
  for (const std::string& text : texts) {
    std::istringstream fields(text);
    FileRecord record;
    fields >> record.size_bytes >> record.xxh3 >> record.name;
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace

void save_checkpoint(const comm::Group& world, const fs::path& root, Manifest manifest,
                     const std::vector<Piece>& pieces) {
  const fs::path folder = checkpoint_folder(root, manifest.step);
  const bool leads = world.rank() == 0;
  comm::agreed(world, [&] {
    if (leads) invalidate(folder);
  });
  const FileRecord mine = comm::agreed(world, [&] { return write_own_file(folder, world.rank(), pieces); });
  manifest.ranks = world.size();
  manifest.saved_at = now_as_text();
  manifest.files = gather_records(world, mine);
  comm::agreed(world, [&] {
    if (!leads) return;
    remove_strangers(folder, manifest);
    write_durably(folder / kManifestName, to_text(manifest));
    write_pointer(root, manifest.step);
  });
}

void prune_checkpoints(const fs::path& root, std::int64_t keep) {
  if (keep < 0) return;
  const std::int64_t newest_announced = read_pointer(root).value_or(std::numeric_limits<std::int64_t>::max());
  std::int64_t valid_seen = 0;
  for (const Listed& listed : list_checkpoints(root)) {
    if (!listed.manifest || listed.step > newest_announced) continue;
    if (++valid_seen <= std::max<std::int64_t>(keep, 1)) continue;
    remove_file(listed.folder / kManifestName);
    sync_folder(listed.folder);
    std::error_code error;
    fs::remove_all(listed.folder, error);
    if (error) log::warn("cannot remove the old checkpoint {}: {}", listed.folder.native(), error.message());
  }
}

}  // namespace dfm::ckpt
