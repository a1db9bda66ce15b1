// Boxes of tensors in the .distcp files of a folder.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "ckpt/import/dcp_metadata.h"
#include "ckpt/import/source.h"
#include "data/tensor/array_view.h"

namespace dfm::ckpt {

// The files of a folder, opened when they are needed.
class DcpFolder {
 public:
  explicit DcpFolder(std::filesystem::path path) : path_(std::move(path)) {}

  data::ByteRange item(const DcpChunk& chunk);
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  std::map<std::string, std::optional<data::ByteRange>> files_;
};

// A box of a tensor, whose rows are its longest stretches that lie behind each other in the tensor.
class DcpBox {
 public:
  DcpBox(const DcpTensor& tensor, DcpChunk chunk, std::shared_ptr<DcpFolder> folder);

  // Copies what the box has of elements [begin, begin + out.size() / element size) of the tensor.
  void copy_to(std::int64_t begin, std::span<std::byte> out);

  // Compares the recorded CRC, where there is one.
  void check();

  std::uint64_t stored_bytes() const { return chunk_.size_bytes; }
  std::string place() const { return (folder_->path() / chunk_.file).native(); }

 private:
  void open();
  std::shared_ptr<const data::ArrayView> view_in(const data::ByteRange& item) const;
  std::int64_t place_of(std::int64_t row) const;
  std::int64_t first_row_that_ends_behind(std::int64_t begin) const;
  std::int64_t read_rows(std::int64_t first, std::int64_t begin, std::int64_t end, std::span<std::byte> out);
  std::pair<std::int64_t, std::int64_t> cut(std::int64_t row, std::int64_t begin, std::int64_t end) const;
  std::span<std::byte> part_of(std::span<std::byte> bytes, std::int64_t first, std::int64_t last) const;

  DType dtype_;
  Shape shape_;
  DcpChunk chunk_;
  std::shared_ptr<DcpFolder> folder_;
  std::size_t outer_ = 0;
  std::int64_t row_ = 1, rows_ = 0;
  std::shared_ptr<const data::ArrayView> view_;
  ReadElements read_;
};

}  // namespace dfm::ckpt
