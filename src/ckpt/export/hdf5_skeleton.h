// An HDF5 file whose datasets have their places but not yet their content: any number of processes can then
// write the elements there, without the library.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/array.h"

namespace dfm::ckpt {

struct Hdf5Dataset {
  std::string path;  // "/weights/x_embedder.weight@0"; groups are made as needed
  DType dtype = DType::float32;
  Shape extent;
  std::map<std::string, std::vector<std::int64_t>> attributes;
  bool has_place = true;  // false: no room in the file, and zeros to whoever reads it
};

// Makes the file, without time stamps, and returns where each dataset that has a place (and elements) begins;
// 0 for others. texts: attributes of the file (those of more than 60,000 bytes are left out).
std::vector<std::uint64_t> make_hdf5_skeleton(const std::filesystem::path& path,
                                              const std::vector<Hdf5Dataset>& datasets,
                                              const std::map<std::string, std::string>& texts);

}  // namespace dfm::ckpt
