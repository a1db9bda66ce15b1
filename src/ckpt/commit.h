// How the files of a save become a checkpoint: they are written into a folder with a hidden name, the
// manifest comes last, and one rename gives the folder its name. Called on one rank, in any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "ckpt/manifest.h"

namespace dfm::ckpt {

// root/.iter_0001000.partial: where the ranks write a checkpoint until it is whole.
std::filesystem::path staging_folder(const std::filesystem::path& root, std::int64_t step);

// Makes what lies in the staging folder the checkpoint of this step, in place of an older one. The manifest
// lists the files; some of them may lie elsewhere (ckpt/local_tier.h).
void give_name(const std::filesystem::path& root, const Manifest& manifest);

// The same, and moves the pointer.
void commit(const std::filesystem::path& root, const Manifest& manifest);

// "rank_00003.h5": the file in a checkpoint that this rank writes, and reads when the ranks are as many.
std::string rank_file_name(std::int64_t rank);

// Removes what interrupted saves left below root. Only while nobody saves there.
void remove_unfinished(const std::filesystem::path& root);

}  // namespace dfm::ckpt
