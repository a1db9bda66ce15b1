#include "ckpt/commit.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <vector>

#include <fmt/core.h>

#include "ckpt/checkpoint.h"
#include "ckpt/pointer.h"
#include "core/file.h"
#include "core/log.h"
#include "core/system_error.h"

namespace dfm::ckpt {
namespace fs = std::filesystem;
namespace {

// What lies in the staging folder besides the files of the manifest: of an attempt with more ranks.
void remove_strangers(const fs::path& folder, const Manifest& manifest) {
  std::vector<fs::path> strangers;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().native();
    const bool listed = std::ranges::find(manifest.files, name, &FileRecord::name) != manifest.files.end();
    if (!listed) strangers.push_back(entry.path());
  }
  for (const fs::path& path : strangers) fs::remove_all(path);
}

void rename_folder(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    throw_system_error("rename a finished checkpoint to", to.native(), errno);
  }
}

// Moves an older checkpoint of the same step aside. Until it is removed it lies under a hidden name.
fs::path set_aside(const fs::path& folder) {
  fs::path aside = temporary_name(folder.native() + ".replaced");
  fs::remove_all(aside);
  if (fs::exists(folder)) rename_folder(folder, aside);
  return aside;
}

}  // namespace

fs::path staging_folder(const fs::path& root, std::int64_t step) {
  return temporary_name(checkpoint_folder(root, step));
}

std::string rank_file_name(std::int64_t rank) { return fmt::format("rank_{:05}.h5", rank); }

void give_name(const fs::path& root, const Manifest& manifest) {
  const fs::path staging = staging_folder(root, manifest.step);
  const fs::path folder = checkpoint_folder(root, manifest.step);
  with_retries([&] {
    remove_strangers(staging, manifest);
    write_durably(staging / kManifestName, to_text(manifest));
  });
  const fs::path aside = set_aside(folder);
  rename_folder(staging, folder);
  with_retries([&] { sync_folder(root); });
  std::error_code ignored;
  fs::remove_all(aside, ignored);
}

void commit(const fs::path& root, const Manifest& manifest) {
  give_name(root, manifest);
  with_retries([&] { write_pointer(root, manifest.step); });
}

void remove_unfinished(const fs::path& root) {
  std::error_code error;
  std::vector<fs::path> found;
  for (auto entry = fs::directory_iterator(root, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    const std::string name = entry->path().filename().native();
    if (name.starts_with(".iter_") && name.ends_with(".partial")) found.push_back(entry->path());
  }
  for (const fs::path& path : found) {
    fs::remove_all(path, error);
    if (error) log::warn("cannot remove the unfinished save {}: {}", path.native(), error.message());
  }
}

}  // namespace dfm::ckpt
