// A tensor as files describe it, before its elements are read: an element type, a shape and strides over a
// stretch of stored bytes. Every field comes from an untrusted file; a view that was made lies inside its
// storage.
//
//   const ArrayView view = make_view(storage, dtype, {shape, strides, offset});
//   const Array array = load(view, budget);       // dense, row-major, of the machine's byte order
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "core/array.h"
#include "data/tensor/byte_range.h"
#include "data/tensor/memory_budget.h"

namespace dfm::data {

// How stored bytes stand in the file: as they are, or each as the code point of its value in UTF-8 (pickle
// protocol 2 has text only, and numpy and torch carry their bytes through it as Latin-1).
enum class Encoding { raw, latin1_in_utf8 };

struct Storage {
  std::uint64_t size_bytes = 0;  // decoded
  ByteRange content;
  Encoding encoding = Encoding::raw;
  std::uint32_t crc32 = 0;  // of the content; 0: not recorded
};

// All in elements.
struct Layout {
  Shape shape;
  Shape strides;
  std::int64_t offset = 0;
};

struct ArrayView {
  DType dtype = DType::float32;
  Layout layout;
  bool swapped = false;  // stored most significant byte first
  std::shared_ptr<const Storage> storage;
};

// Throws a data error for a layout that leaves the storage: 0 <= offset and
// offset + sum((shape[i] - 1) * strides[i]) < number of elements, with shape and strides not negative
// (spec/energon.md section 8.1). A view without elements needs no storage.
ArrayView make_view(std::shared_ptr<const Storage> storage, DType dtype, Layout layout);

// Without gaps: the last index fastest, or the first one. A dimension of extent 0 counts as 1 in the strides,
// as in torch.
Layout row_major(Shape shape);
Layout column_major(Shape shape);

// The elements from the first to the last one that a layout with elements reaches. Throws a data error for a
// negative stride and for an overflow.
std::int64_t extent_of(const Layout& layout);

// What load() allocates for the elements; throws a data error for more than can be.
std::uint64_t loaded_bytes(const ArrayView& view);

// Sees the elements in pieces, as they come into the processor's cache: looking at them afterwards would
// bring a large array there once more.
using LookAtElements = std::function<void(DType, std::span<const std::byte>)>;

// Reads the elements. Throws a data error for a CRC that differs, content that does not decode to size_bytes,
// and for more memory than the budget holds.
Array load(const ArrayView& view, MemoryBudget& budget, const LookAtElements& look = {});

// The content as raw bytes.
ByteRange decoded(const ByteRange& content, Encoding encoding, MemoryBudget& budget);

}  // namespace dfm::data
