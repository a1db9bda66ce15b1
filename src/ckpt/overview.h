// What checkpoints there are: for people as a table, for scripts as JSON.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "ckpt/checkpoint.h"
#include "comm/group.h"

namespace dfm::ckpt {

enum class Soundness {
  valid,
  damaged,
  unfinished
};  // unfinished: a save that was interrupted before it was announced

struct OverviewRow {
  Listed listed;
  std::uint64_t size_bytes = 0;  // of the files in the folder
  Soundness soundness = Soundness::valid;
};

// Newest first. Files and their sizes are looked at, checksums are not.
std::vector<OverviewRow> overview(const std::filesystem::path& root);

// Collective, with the rows of rank 0. Compares every checksum of what looks valid, all ranks reading; what
// is damaged gets its row changed. A run that goes on does not prune what is being read; what it has pruned
// before loses its row. Returns false when asked to stop.
bool verify_all(const comm::Group& world, std::vector<OverviewRow>& rows);

std::string overview_table(const std::vector<OverviewRow>& rows);
std::string overview_json(const std::vector<OverviewRow>& rows);

}  // namespace dfm::ckpt
