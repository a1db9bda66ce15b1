// What is going to be written, down to the byte: the files of an output and where in them each element goes.
// Any number of ranks can then fill the files at once, and they come out the same.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "ckpt/import/source.h"
#include "core/array.h"

namespace dfm::ckpt {

// Bytes that are known beforehand, or when all elements are written.
struct FixedBytes {
  std::uint64_t offset = 0;
  std::vector<std::byte> bytes;
};

// Elements [begin, begin + count) of a tensor, in a row in one file.
struct Place {
  const SourceTensor* tensor = nullptr;
  DType dtype = DType::float32;  // as written
  std::int64_t begin = 0, count = 0;
  std::size_t file = 0;
  std::uint64_t offset = 0;

  std::uint64_t size_bytes() const { return static_cast<std::uint64_t>(count) * size_of(dtype); }
};

struct PlannedFile {
  std::string name;  // empty: the output itself is this one file
  std::uint64_t size_bytes = 0;
  std::vector<FixedBytes> fixed;
  // For a file whose places only its library knows: makes it and returns the offsets of its places, in their
  // order.
  std::function<std::vector<std::uint64_t>(const std::filesystem::path& path)> make;
};

struct Plan {
  std::vector<PlannedFile> files;
  std::vector<Place> places;  // in the order of files and offsets
  // Of a file that holds checksums of its elements: what is still to be written. crcs: one for each place.
  std::function<std::vector<FixedBytes>(const std::vector<std::uint32_t>& crcs)> finish;

  std::uint64_t size_bytes() const;  // of all files; without the headers of those that a library makes
};

// What every output is made of.
struct ExportItem {
  const SourceTensor* tensor = nullptr;
  DType dtype = DType::float32;

  std::uint64_t size_bytes() const;
};

struct ExportContent {
  std::vector<ExportItem> items;
  std::map<std::string, std::string> metadata;  // kConfigMetadata, kStepMetadata
};

Plan plan_safetensors(const ExportContent& content);
// Files of at most max_part_bytes each (one tensor may be larger) and an index, as Hugging Face's libraries
// name them.
Plan plan_safetensors_parts(const ExportContent& content, std::uint64_t max_part_bytes);
// A folder as diffusers saves a network: config.json and one file, or parts where that would be larger.
Plan plan_diffusers(const ExportContent& content, std::uint64_t max_part_bytes,
                    const std::string& config_json);
// An OrderedDict of tensors, as torch.save writes it.
Plan plan_torch_file(const ExportContent& content);
// A dataset for each parameter.
Plan plan_hdf5(const ExportContent& content);
// The files of a dfm checkpoint of that many ranks, without the manifest; zero_kinds are moments that begin
// with 0.
Plan plan_checkpoint(const std::vector<SourceTensor>& tensors, int ranks,
                     const std::vector<std::string>& zero_kinds);

}  // namespace dfm::ckpt
