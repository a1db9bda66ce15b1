// The folder on a node's scratch that holds the copies. A file under its own name is complete and verified:
// that is all the other ranks of the node look at.
//
//   FOLDER/NAME                    a verified copy
//   FOLDER/.notes/NAME.json        what it is a copy of: source, size, time, XXH3
//   FOLDER/.NAME.partial           on its way, or left by a run that was killed: removed at the start
//   FOLDER/.NAME.unverified        left by an earlier run, not looked at yet
//
// One process a node opens the folder; a lock keeps a second run on the node from filling it at the same
// time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>

#include "core/file.h"
#include "core/folder_lock.h"
#include "stage/stage_file.h"

namespace dfm::stage {

enum class AtEnd { keep, remove };

class StageFolder {
 public:
  // Creates the folder and takes its lock; a storage error when another run holds it. Sets aside what is
  // there under the names of `files` and removes partial files.
  StageFolder(std::filesystem::path path, std::span<const StageFile> files, AtEnd at_end);
  StageFolder(const StageFolder&) = delete;
  StageFolder& operator=(const StageFolder&) = delete;
  // Removes the folder with AtEnd::remove.
  ~StageFolder();

  std::filesystem::path path_of(const StageFile& file) const { return path_ / file.name; }
  // Whether what an earlier run left is still a copy of this file (by source, size, time and checksum): it is
  // back under its name then, and removed otherwise.
  bool restore(const StageFile& file) const;
  // Bytes that may still be written, with the margin (a share of the file system) left free.
  std::uint64_t room_bytes(double margin) const;
  void remember(const StageFile& file, std::uint64_t hash) const;

 private:
  std::filesystem::path note_path(const StageFile& file) const;

  std::filesystem::path path_;
  AtEnd at_end_;
  FolderLock lock_;
};

// A copy on its way. Without commit() nothing of it stays.
class IncomingFile {
 public:
  IncomingFile(const StageFolder& folder, const StageFile& file);
  IncomingFile(const IncomingFile&) = delete;
  IncomingFile& operator=(const IncomingFile&) = delete;
  ~IncomingFile();

  void append(std::span<const std::byte> bytes) { out_.append(bytes); }
  // Reads the copy back and gives it its name. A storage error when it is not what was sent.
  void commit(std::uint64_t hash);

 private:
  const StageFolder& folder_;
  StageFile file_;
  std::filesystem::path partial_;
  File out_;
};

}  // namespace dfm::stage
