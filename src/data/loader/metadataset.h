// A metadataset of Energon: a YAML file that blends prepared folders by weights (`blend`) or by repetitions
// (`blend_epochized`), also through other metadatasets (spec/energon.md section 2.9). Version 1 (`datasets`)
// and version 2 are read.
//
//   const Metadataset blend = read_metadataset("blend.yaml", "train");
//   for (const BlendedFolder& each : blend.folders) use(each.folder, each.weight);
//
// Data errors name the file and the place in it: unknown keys, weights that are negative, both kinds of
// blends in one tree, files that lead back to themselves, and what only makes sense with Energon's own
// pipeline (joins, auxiliary data).
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "data/loader/subset.h"

namespace dfm::data {

using Subflavors = std::map<std::string, std::string>;  // name -> value as YAML text

// A prepared folder at the end of the tree.
struct BlendedFolder {
  std::filesystem::path folder;
  std::string split;
  std::string split_file;  // in .nv-meta; empty: the usual one
  Subset subset;
  Subflavors subflavors;   // of the outer levels where both have one
  double weight = 1;       // share of the draws, with BlendMode::weights
  double repetitions = 1;  // passes in an epoch of the blend, with BlendMode::repetitions
};

// none: there is one folder, and nothing to blend.
enum class BlendMode { none, weights, repetitions };

struct Metadataset {
  BlendMode mode = BlendMode::none;
  std::vector<BlendedFolder> folders;  // in the order of the file, at least one
};

// Whether a path names a metadataset and not a folder: it ends in .yaml or .yml and is no folder.
bool is_metadataset(const std::filesystem::path& path);

Metadataset read_metadataset(const std::filesystem::path& file, std::string_view split);

// The splits that a metadataset has.
std::vector<std::string> splits_of_metadataset(const std::filesystem::path& file);

}  // namespace dfm::data
