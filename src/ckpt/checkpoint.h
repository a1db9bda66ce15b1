// Saving and finding checkpoints (design section 6):
//
//   <root>/iter_0001000/rank_00003.h5        a rank's pieces
//   <root>/iter_0001000/manifest.json        written last, makes the folder valid
//   <root>/latest_checkpointed_iteration.txt moved only after the manifest is durable
//
// A crash at any moment leaves either the old state or the new one, never a mixture.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "ckpt/manifest.h"
#include "ckpt/pieces.h"
#include "comm/group.h"

namespace dfm::ckpt {

// root/iter_0001000.
std::filesystem::path checkpoint_folder(const std::filesystem::path& root, std::int64_t step);

// Collective. Writes this rank's pieces and, on rank 0, the manifest (whose file list is filled in here) and
// the pointer. All ranks throw the same error when any of them fails; nothing is announced then, and earlier
// checkpoints are untouched.
void save_checkpoint(const comm::Group& world, const std::filesystem::path& root, Manifest manifest,
                     const std::vector<Piece>& pieces);

struct Listed {
  std::filesystem::path folder;
  std::int64_t step = 0;
  std::optional<Manifest> manifest;  // empty: not valid
  std::string problem;               // why not
};

// The checkpoints below root (or the one that root is), newest first; none where there is no such folder.
// Sizes are compared, checksums are not. Throws a storage error for a folder that cannot be read.
std::vector<Listed> list_checkpoints(const std::filesystem::path& root);

// Throws a data error when a file's checksum is not the manifest's. Collective: the files are dealt to the
// ranks.
void verify_checksums(const comm::Group& world, const Listed& checkpoint);

// Collective. The newest checkpoint below root that is whole, walking back over damaged ones with a warning
// for each; never newer than the pointer file says. Empty when root has no history; an error of kind
// no_checkpoint when it has, but nothing of it is valid.
std::optional<Listed> find_newest_valid(const comm::Group& world, const std::filesystem::path& root);

// Removes all but the newest `keep` valid checkpoints, and never the last one; keep < 0 keeps all.
// Checkpoints newer than the pointer file says are neither counted nor removed. Called on one rank.
void prune_checkpoints(const std::filesystem::path& root, std::int64_t keep);

// The files of a checkpoint with this rank's own first, for a PieceReader.
std::vector<std::filesystem::path> piece_files(const Listed& checkpoint, int own_rank);

}  // namespace dfm::ckpt
