// A checkpoint to be read tensor by tensor, whoever wrote it: names, shapes and types first, elements when
// they are asked for, in slices of any size.
//
//   const Source source = open_source(path);                       // or open_dfm_source(checkpoint, kinds)
//   source.tensors[i].read(begin, bytes);                          // elements [begin, begin + n) of the flat
//   tensor
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ckpt/checkpoint.h"
#include "ckpt/manifest_lock.h"
#include "ckpt/pieces.h"
#include "core/array.h"
#include "data/tensor/byte_range.h"

namespace dfm::ckpt {

// Fills `out` with elements from `begin` on, as they are stored, row-major.
using ReadElements = std::function<void(std::int64_t begin, std::span<std::byte> out)>;

// Stored bytes with a recorded checksum.
struct StoredCheck {
  std::string place;  // for the message
  std::uint64_t size_bytes = 0;
  std::function<void()> run;  // throws a data error
};

struct SourceTensor {
  std::string kind = kWeights;
  std::string name = {};
  DType dtype = DType::float32;
  Shape shape = {};
  ReadElements read = {};
  std::optional<std::uint32_t> crc32 = {};  // of all its bytes, where the file records it
  std::vector<StoredCheck> checks = {};     // of what it is put together from, where that is not all of it

  std::uint64_t size_bytes() const;
};

// Throws a data error where the two differ.
void require_crc(const std::string& place, std::uint32_t found, std::uint32_t recorded);

// Reads all of a tensor that has a recorded CRC.
StoredCheck check_of(SourceTensor tensor);

struct Source {
  std::filesystem::path path;
  std::string title;  // "PyTorch distributed checkpoint /runs/a/iter_0001000"
  std::optional<std::int64_t> step;
  std::map<std::string, std::string> config;  // of the training run; empty where the source has none
  std::optional<Manifest> manifest;           // of a dfm checkpoint
  std::vector<SourceTensor> tensors;          // ordered by kind and name
  std::vector<std::string> left_out;          // names of what is no weight
  std::shared_ptr<const ManifestLock> lock;   // of a dfm checkpoint: it stays while it is read

  std::vector<const SourceTensor*> of_kind(const std::string& kind) const;
};

// What a folder or file is, by its content.
enum class SourceKind { dfm, torch_distributed, rank_shards, torch_file, safetensors, diffusers };

// Throws an error of kind no_checkpoint for a path that holds none of these.
SourceKind recognize_source(const std::filesystem::path& path);

// The checkpoint's tensors of these kinds; all kinds when empty.
Source open_dfm_source(const Listed& checkpoint, const std::vector<std::string>& kinds);

// Any but dfm's own. Nothing of a file is executed, and its size bounds what is allocated for it.
Source open_foreign_source(const std::filesystem::path& path, SourceKind kind);

}  // namespace dfm::ckpt
