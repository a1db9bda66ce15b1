// The safetensors format (github.com/huggingface/safetensors): eight bytes of header length, a JSON header,
// the data. Reading never trusts the header: lengths, offsets, shapes and types are checked against the file.
//
//   const SafetensorsFile file(path);
//   const Array weight = file.read("decoder.layers.0.mlp.linear_fc1.weight");
//
//   SafetensorsWriter writer(path, entries, metadata);   // entries in the order they will be written
//   writer.append(bytes);                                // one call a tensor, or pieces of it in order
//   writer.commit();
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/array.h"
#include "core/file.h"
#include "core/json.h"

namespace dfm::ckpt {

struct TensorEntry {
  std::string name;
  DType dtype = DType::float32;
  Shape shape;

  // Throws a data error where that overflows.
  std::uint64_t size_bytes() const;
};

using TextMetadata = std::map<std::string, std::string>;

// What stands before the data: the length of the JSON header, and the header. The tensors follow in this
// order.
std::string safetensors_header(const std::vector<TensorEntry>& entries, const TextMetadata& metadata);

class SafetensorsFile {
 public:
  // Throws a data error for a file that is not well-formed safetensors.
  explicit SafetensorsFile(const std::filesystem::path& path);

  const std::vector<TensorEntry>& entries() const { return entries_; }
  const TextMetadata& metadata() const { return metadata_; }
  bool has(const std::string& name) const { return begins_.contains(name); }

  // Throws a data error when there is no such tensor.
  Array read(const std::string& name) const;
  // Elements from `begin` on, as they are stored.
  void read_elements(const std::string& name, std::int64_t begin, std::span<std::byte> out) const;

 private:
  // Bytes [begin, end) of the file.
  struct Extent {
    std::uint64_t begin, end;
  };

  const TensorEntry& find(const std::string& name) const;
  void read_header();
  Extent add_tensor(const std::string& name, const Json& fields, Extent data);
  static void require_disjoint(std::vector<Extent> extents);

  File file_;
  std::vector<TensorEntry> entries_;
  std::map<std::string, std::uint64_t> begins_;  // offsets in the file
  TextMetadata metadata_;
};

class SafetensorsWriter {
 public:
  SafetensorsWriter(const std::filesystem::path& path, const std::vector<TensorEntry>& entries,
                    const TextMetadata& metadata);

  void append(std::span<const std::byte> bytes);
  // Throws an internal error unless exactly the announced bytes were appended.
  void commit();

 private:
  DurableFile file_;
  std::uint64_t missing_bytes_ = 0;
};

}  // namespace dfm::ckpt
