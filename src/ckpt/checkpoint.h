// Finding checkpoints (design section 6); ckpt/saver.h saves them.
//
//   <root>/iter_0001000/rank_00003.h5        a rank's pieces
//   <root>/iter_0001000/manifest.json        written last, makes the folder valid
//   <root>/latest_checkpointed_iteration.txt moved only after the manifest is durable
//
// A checkpoint is written as root/.iter_0001000.partial and renamed when it is whole: a crash at any moment
// leaves either the old state or the new one, never a mixture.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ckpt/manifest.h"
#include "comm/group.h"
#include "core/error.h"

namespace dfm::ckpt {

// root/iter_0001000.
std::filesystem::path checkpoint_folder(const std::filesystem::path& root, std::int64_t step);

struct Listed {
  std::filesystem::path folder;
  std::int64_t step = 0;
  std::optional<Manifest> manifest;  // empty: not valid
  std::string problem;               // why not
  ExitCode problem_kind = ExitCode::data;
};

// The checkpoints below root (or the one that root is), newest first; none where there is no such folder.
// Sizes are compared, checksums are not. Throws a storage error for a folder that cannot be read.
std::vector<Listed> list_checkpoints(const std::filesystem::path& root);

// Throws a data error when a file's checksum is not the manifest's. Collective: the files are dealt to the
// ranks.
void verify_checksums(const comm::Group& world, const Listed& checkpoint);

enum class Damaged { leave, set_aside };

class LocalUnion;  // ckpt/local_union.h

// Collective. Loads the newest checkpoint below root that is whole and returns it: `load` is called with one
// after the other, newest first, until it brings no agreed error of kind data. One that is damaged is warned
// of, and set aside (ckpt/quarantine.h) if so asked. Never newer than the pointer file says. What cannot be
// read now may be whole, so that is an error and not damage. Empty when root has no history; an error of kind
// no_checkpoint when it has, but nothing of it is valid. local: what the nodes hold, too, where it is newer.
std::optional<Listed> load_newest(const comm::Group& world, const std::filesystem::path& root,
                                  Damaged damaged, const std::function<void(const Listed&)>& load,
                                  LocalUnion* local = nullptr);

// The files of a checkpoint with this rank's own first, for a PieceReader.
std::vector<std::filesystem::path> piece_files(const Listed& checkpoint, int own_rank);

}  // namespace dfm::ckpt
