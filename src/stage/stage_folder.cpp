#include "stage/stage_folder.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/hash.h"
#include "core/json.h"

namespace dfm::stage {
namespace {

namespace fs = std::filesystem;

fs::path unverified_name(const fs::path& path) {
  return path.parent_path() / fmt::format(".{}.unverified", path.filename().native());
}

FolderLock take_lock(const fs::path& folder) {
  make_folder(folder / ".notes");
  if (auto lock = FolderLock::attempt(folder)) return std::move(*lock);
  throw storage_error(fmt::format("{} is in use by another run on this node", folder.native()),
                      "give this run another stage.scratch, or wait for the other");
}

void rename_file(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) throw system_error("rename a file to", to.native(), error.value());
}

Json note_of(const StageFile& file) {
  return {{"source", file.source.native()}, {"size", file.size_bytes}, {"modified_ns", file.modified_ns}};
}

bool is_copy_of(const fs::path& copy, const fs::path& note, const StageFile& file) {
  try {
    Json written = read_json(note);
    const std::string hash = written.at("xxh3");
    written.erase("xxh3");
    return written == note_of(file) && fs::file_size(copy) == file.size_bytes && hex(hash_file(copy)) == hash;
  } catch (const std::exception&) {
    return false;  // damaged or unreadable: not a copy to rely on
  }
}

}  // namespace

StageFolder::StageFolder(fs::path path, std::span<const StageFile> files, AtEnd at_end)
    : path_(std::move(path)), at_end_(at_end), lock_(take_lock(path_)) {
  for (const StageFile& file : files) {
    std::error_code ignored;
    remove_file(temporary_name(path_of(file)));
    if (fs::exists(path_of(file), ignored)) rename_file(path_of(file), unverified_name(path_of(file)));
  }
}

StageFolder::~StageFolder() {
  std::error_code ignored;
  if (at_end_ == AtEnd::remove) fs::remove_all(path_, ignored);
}

fs::path StageFolder::note_path(const StageFile& file) const {
  return path_ / ".notes" / (file.name + ".json");
}

bool StageFolder::restore(const StageFile& file) const {
  const fs::path copy = unverified_name(path_of(file));
  std::error_code ignored;
  if (!fs::exists(copy, ignored)) return false;
  if (is_copy_of(copy, note_path(file), file)) {
    rename_file(copy, path_of(file));
    return true;
  }
  remove_file(copy);
  return false;
}

std::uint64_t StageFolder::room_bytes(double margin) const {
  std::error_code error;
  const fs::space_info space = fs::space(path_, error);
  if (error) throw system_error("look at the space of", path_.native(), error.value());
  const auto left_free = static_cast<std::uint64_t>(margin * static_cast<double>(space.capacity));
  return space.available - std::min<std::uint64_t>(space.available, left_free);
}

void StageFolder::remember(const StageFile& file, std::uint64_t hash) const {
  make_folder(note_path(file).parent_path());
  Json note = note_of(file);
  note["xxh3"] = hex(hash);
  write_durably(note_path(file), note.dump());
}

IncomingFile::IncomingFile(const StageFolder& folder, const StageFile& file)
    : folder_(folder),
      file_(file),
      partial_((make_folder(folder.path_of(file).parent_path()), temporary_name(folder.path_of(file)))),
      out_(File::create(partial_)) {}

IncomingFile::~IncomingFile() {
  std::error_code ignored;
  if (!partial_.empty()) fs::remove(partial_, ignored);
}

void IncomingFile::commit(std::uint64_t hash) {
  out_.sync();
  out_.close();
  if (hash_file(partial_) != hash) {
    throw storage_error(fmt::format("{} gives back other bytes than were written", partial_.native()),
                        "check the node's disk, or give another stage.scratch");
  }
  folder_.remember(file_, hash);
  rename_file(partial_, folder_.path_of(file_));
  partial_.clear();
}

}  // namespace dfm::stage
