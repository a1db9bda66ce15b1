#include "ckpt/import/dcp_box.h"

#include <algorithm>

#include <fmt/core.h>

#include "ckpt/import/foreign.h"
#include "core/error.h"
#include "data/pickle/torch_archive.h"
#include "data/tensor/error_context.h"
#include "data/zip/crc.h"

namespace dfm::ckpt {
namespace {

constexpr std::int64_t kRowsBytes = 1 << 20;  // read at a time, where rows are short

}  // namespace

data::ByteRange DcpFolder::item(const DcpChunk& chunk) {
  auto& file = files_[chunk.file];
  if (!file) file = byte_range_of(path_ / chunk.file);
  return file->part(chunk.begin, chunk.size_bytes);
}

DcpBox::DcpBox(const DcpTensor& tensor, DcpChunk chunk, std::shared_ptr<DcpFolder> folder)
    : dtype_(tensor.dtype), shape_(tensor.shape), chunk_(std::move(chunk)), folder_(std::move(folder)) {
  outer_ = shape_.size();
  while (outer_ > 0) {
    const std::size_t d = --outer_;
    row_ *= chunk_.sizes[d];
    if (chunk_.sizes[d] != shape_[d]) break;
  }
  rows_ = element_count(chunk_.sizes) / row_;
}

void DcpBox::copy_to(std::int64_t begin, std::span<std::byte> out) {
  const std::int64_t end = begin + static_cast<std::int64_t>(out.size() / size_of(dtype_));
  std::int64_t row = first_row_that_ends_behind(begin);
  while (row < rows_ && place_of(row) < end) row = read_rows(row, begin, end, out);
}

// Finds the item in its file and checks it against the metadata.
void DcpBox::open() {
  if (view_) return;
  data::with_context([&] { return fmt::format("{} (item at byte {})", place(), chunk_.begin); },
                     [&] { view_ = view_in(folder_->item(chunk_)); });
  read_ = reader_of(view_);
}

void DcpBox::check() {
  open();
  if (view_->storage->crc32 == 0) return;
  data::with_context([&] { return place(); },
                     [&] { data::check_crc(view_->storage->content, view_->storage->crc32); });
}

std::shared_ptr<const data::ArrayView> DcpBox::view_in(const data::ByteRange& item) const {
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
std::int64_t DcpBox::place_of(std::int64_t row) const {
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

std::int64_t DcpBox::first_row_that_ends_behind(std::int64_t begin) const {
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
std::int64_t DcpBox::read_rows(std::int64_t first, std::int64_t begin, std::int64_t end,
                               std::span<std::byte> out) {
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
std::pair<std::int64_t, std::int64_t> DcpBox::cut(std::int64_t row, std::int64_t begin,
                                                  std::int64_t end) const {
  const std::int64_t place = place_of(row);
  return {std::max(place, begin), std::min(place + row_, end)};
}

std::span<std::byte> DcpBox::part_of(std::span<std::byte> bytes, std::int64_t first,
                                     std::int64_t last) const {
  const std::size_t element = size_of(dtype_);
  return bytes.subspan(static_cast<std::size_t>(first) * element,
                       static_cast<std::size_t>(last - first) * element);
}

}  // namespace dfm::ckpt
