// Tensors of a PyTorch distributed checkpoint, put together from their boxes slice by slice.
#include <algorithm>
#include <map>

#include <fmt/core.h>

#include "ckpt/import/dcp_metadata.h"
#include "ckpt/import/foreign.h"
#include "core/error.h"
#include "data/pickle/torch_archive.h"
#include "data/tensor/error_context.h"
#include "data/zip/crc.h"

namespace dfm::ckpt {
namespace fs = std::filesystem;
namespace {

// The files of a folder, opened when they are needed.
class Folder {
 public:
  explicit Folder(fs::path path) : path_(std::move(path)) {}

  data::ByteRange item(const DcpChunk& chunk) {
    auto& file = files_[chunk.file];
    if (!file) file = byte_range_of(path_ / chunk.file);
    return file->part(chunk.begin, chunk.size_bytes);
  }

  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
  std::map<std::string, std::optional<data::ByteRange>> files_;
};

// A box of a tensor, whose rows are its longest stretches that lie behind each other in the tensor.
class Box {
 public:
  Box(const DcpTensor& tensor, DcpChunk chunk, std::shared_ptr<Folder> folder)
      : dtype_(tensor.dtype), shape_(tensor.shape), chunk_(std::move(chunk)), folder_(std::move(folder)) {
    outer_ = shape_.size();
    while (outer_ > 0) {
      const std::size_t d = --outer_;
      row_ *= chunk_.sizes[d];
      if (chunk_.sizes[d] != shape_[d]) break;
    }
    rows_ = element_count(chunk_.sizes) / row_;
  }

  // Copies what the box has of elements [begin, begin + out.size() / element size) of the tensor.
  void copy_to(std::int64_t begin, std::span<std::byte> out) {
    const std::int64_t end = begin + static_cast<std::int64_t>(out.size() / size_of(dtype_));
    std::int64_t row = first_row_that_ends_behind(begin);
    while (row < rows_ && place_of(row) < end) row = read_rows(row, begin, end, out);
  }

  // Finds the item in its file and checks it against the metadata.
  void open() {
    if (view_) return;
    data::with_context([&] { return fmt::format("{} (item at byte {})", place(), chunk_.begin); },
                       [&] { view_ = view_in(folder_->item(chunk_)); });
    read_ = reader_of(view_);
  }

  std::uint64_t stored_bytes() const { return chunk_.size_bytes; }
  std::string place() const { return (folder_->path() / chunk_.file).native(); }

  void check() {
    open();
    if (view_->storage->crc32 == 0) return;
    data::with_context([&] { return place(); },
                       [&] { data::check_crc(view_->storage->content, view_->storage->crc32); });
  }

 private:
  std::shared_ptr<const data::ArrayView> view_in(const data::ByteRange& item) const {
    data::MemoryBudget budget(item.size());
    data::pickle::Graph graph(budget);
    const auto root = data::pickle::read_torch_archive(item, graph);
    auto view = graph.as<data::pickle::View>(root, "the item");
    if (view->dtype != dtype_ || view->layout.shape != chunk_.sizes) {
      throw data_error(fmt::format("it holds {} {}, the metadata say {} {}", name_of(view->dtype),
                                   dfm::to_text(view->layout.shape), name_of(dtype_),
                                   dfm::to_text(chunk_.sizes)));
    }
    return view;
  }

  // Of the row's first element, in the flattened tensor. Rows follow each other there in their order.
  std::int64_t place_of(std::int64_t row) const {
    std::int64_t place = 0, stride = 1;
    for (std::size_t d = shape_.size(); d-- > 0;) {
      std::int64_t index = chunk_.offsets[d];
      if (d < outer_) {
        index += row % chunk_.sizes[d];
        row /= chunk_.sizes[d];
      }
      place += index * stride;
      stride *= shape_[d];
    }
    return place;
  }

  std::int64_t first_row_that_ends_behind(std::int64_t begin) const {
    std::int64_t low = 0, high = rows_;
    while (low < high) {
      const std::int64_t middle = low + (high - low) / 2;
      if (place_of(middle) + row_ > begin) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  // Rows lie behind each other in the file: short ones are read many at a time. Returns the first row that is
  // still to be read.
  std::int64_t read_rows(std::int64_t first, std::int64_t begin, std::int64_t end, std::span<std::byte> out) {
    open();
    const auto element = static_cast<std::int64_t>(size_of(dtype_));
    if (row_ * element > kRowsBytes / 2) {
      const auto [from, to] = cut(first, begin, end);
      read_(first * row_ + (from - place_of(first)), part_of(out, from - begin, to - begin));
      return first + 1;
    }
    std::int64_t last = first;
    while (last < rows_ && last - first < kRowsBytes / (row_ * element) && place_of(last) < end) ++last;
    std::vector<std::byte> rows(static_cast<std::size_t>((last - first) * row_ * element));
    read_(first * row_, rows);
    for (std::int64_t row = first; row < last; ++row) {
      const auto [from, to] = cut(row, begin, end);
      const std::int64_t inside = (row - first) * row_ + (from - place_of(row));
      std::ranges::copy(part_of(rows, inside, inside + to - from),
                        part_of(out, from - begin, to - begin).begin());
    }
    return last;
  }

  // What a row and [begin, end) of the tensor have in common.
  std::pair<std::int64_t, std::int64_t> cut(std::int64_t row, std::int64_t begin, std::int64_t end) const {
    const std::int64_t place = place_of(row);
    return {std::max(place, begin), std::min(place + row_, end)};
  }

  std::span<std::byte> part_of(std::span<std::byte> bytes, std::int64_t first, std::int64_t last) const {
    const std::size_t element = size_of(dtype_);
    return bytes.subspan(static_cast<std::size_t>(first) * element,
                         static_cast<std::size_t>(last - first) * element);
  }

  static constexpr std::int64_t kRowsBytes = 1 << 20;

  DType dtype_;
  Shape shape_;
  DcpChunk chunk_;
  std::shared_ptr<Folder> folder_;
  std::size_t outer_ = 0;
  std::int64_t row_ = 1, rows_ = 0;
  std::shared_ptr<const data::ArrayView> view_;
  ReadElements read_;
};

using Boxes = std::vector<std::shared_ptr<Box>>;

Boxes boxes_of(const DcpTensor& tensor, const std::shared_ptr<Folder>& folder) {
  Boxes boxes;
  for (const DcpChunk& chunk : tensor.chunks) boxes.push_back(std::make_shared<Box>(tensor, chunk, folder));
  return boxes;
}

}  // namespace

Source open_torch_distributed(const fs::path& folder) {
  const fs::path metadata_path = folder / ".metadata";
  const DcpMetadata metadata =
      data::with_context([&] { return metadata_path.native(); },
                         [&] { return read_dcp_metadata(byte_range_of(metadata_path)); });
  const auto files = std::make_shared<Folder>(folder);
  Source source;
  source.title = fmt::format("PyTorch distributed checkpoint {}", folder.native());
  source.left_out = metadata.others;
  for (const DcpTensor& tensor : metadata.tensors) {
    const Boxes boxes = boxes_of(tensor, files);
    SourceTensor made{.name = tensor.name, .dtype = tensor.dtype, .shape = tensor.shape};
    made.read = [boxes](std::int64_t begin, std::span<std::byte> out) {
      for (const auto& box : boxes) box->copy_to(begin, out);
    };
    for (const auto& box : boxes)
      made.checks.push_back({box->place(), box->stored_bytes(), [box] { box->check(); }});
    source.tensors.push_back(std::move(made));
  }
  return source;
}

}  // namespace dfm::ckpt
