// What a node holds of node-local checkpoints, and what all nodes hold together.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ckpt/manifest.h"

namespace dfm::ckpt {

// One checkpoint's folder as a node's leader finds it.
struct Holding {
  std::int64_t step = 0;
  std::string id = {};        // checksum of its manifest; empty: it has none that can be read
  std::string saved_at = {};  // these two are of its manifest
  std::int64_t shared_step = 0;
  std::map<std::string, std::uint64_t> files = {};  // with their sizes
};

// Called on one rank of a node. A manifest that cannot be used is warned of.
std::vector<Holding> look_at_holdings(const std::filesystem::path& root);

std::string to_text(const std::vector<Holding>& holdings);
std::vector<Holding> holdings_from_text(const std::string& text);

// A checkpoint that at least one node has the manifest of.
struct LocalCandidate {
  std::int64_t step = 0;
  std::string id, saved_at;
  std::int64_t shared_step = 0;
  std::vector<Holding> of_node;  // with the same id, or without one; else without files

  // A node that has the manifest.
  int manifest_node() const;
  // The first node that holds this file, in its full size; the given one if it does.
  std::optional<int> holder(const FileRecord& file, int preferred) const;
  // The files that no node holds.
  std::vector<std::string> lost(const Manifest& manifest) const;
};

// Newest first. holdings: by node.
std::vector<LocalCandidate> join_holdings(const std::vector<std::vector<Holding>>& holdings);

}  // namespace dfm::ckpt
