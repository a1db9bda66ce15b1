#include <algorithm>

#include <fmt/format.h>

#include "core/error.h"
#include "data/tensor/array_view.h"
#include "data/tensor/spare_buffers.h"
#include "data/zip/crc.h"

namespace dfm::data {
namespace {

constexpr std::uint64_t kPieceBytes = 256U << 10U;

bool is_row_major(const Layout& layout) {
  std::int64_t expected = 1;
  for (std::size_t i = layout.shape.size(); i-- > 0;) {
    if (layout.shape[i] != 1 && layout.strides[i] != expected) return false;
    expected *= layout.shape[i];
  }
  return true;
}

// Copies the elements in row-major order: an odometer over all dimensions but the last, which is the inner
// loop.
template <class T>
void gather(const Layout& layout, const std::byte* source_bytes, Array& array) {
  const T* source = reinterpret_cast<const T*>(source_bytes);
  std::int64_t start = 0;
  const std::size_t inner = layout.shape.size() - 1;
  Shape index(layout.shape.size(), 0);
  auto target = array.as<T>().begin();
  while (target != array.as<T>().end()) {
    for (std::int64_t i = 0; i < layout.shape[inner]; ++i)
      *target++ = source[start + i * layout.strides[inner]];
    for (std::size_t i = inner; i-- > 0;) {
      start += layout.strides[i];
      if (++index[i] < layout.shape[i]) break;
      start -= index[i] * layout.strides[i];
      index[i] = 0;
    }
  }
}

void gather_elements(const Layout& layout, const ByteRange& source, Array& array) {
  const std::vector<std::byte> bytes = source.bytes();
  switch (size_of(array.dtype)) {
    case 1:
      return gather<std::uint8_t>(layout, bytes.data(), array);
    case 2:
      return gather<std::uint16_t>(layout, bytes.data(), array);
    case 4:
      return gather<std::uint32_t>(layout, bytes.data(), array);
    case 8:
      return gather<std::uint64_t>(layout, bytes.data(), array);
    default:
      throw internal_error("an element of unknown size");
  }
}

ByteRange checked_content(const Storage& storage, MemoryBudget& budget) {
  if (storage.crc32 != 0) check_crc(storage.content, storage.crc32);
  ByteRange content = decoded(storage.content, storage.encoding, budget);
  if (content.size() == storage.size_bytes) return content;
  throw data_error(
      fmt::format("{} bytes are stored for a tensor that needs {}", content.size(), storage.size_bytes),
      "the file is damaged: copy or make it again");
}

void read_pieces(const ArrayView& view, Array& array, MemoryBudget& budget) {
  const std::size_t size = size_of(view.dtype);
  const ByteRange content = checked_content(*view.storage, budget);
  const std::uint64_t start = static_cast<std::uint64_t>(view.layout.offset) * size;
  if (is_row_major(view.layout)) return content.read(start, array.bytes);
  const ByteRange reached = content.part(start, static_cast<std::uint64_t>(extent_of(view.layout)) * size);
  budget.charge(reached.size());
  gather_elements(view.layout, reached, array);
}

// The whole storage in one piece, as nearly all files have it: straight into the array, its CRC computed of
// pieces that are still in the processor's cache.
bool read_whole(const ArrayView& view, Array& array, const LookAtElements& look) {
  const Storage& storage = *view.storage;
  const bool is_whole = !view.swapped && storage.encoding == Encoding::raw && is_row_major(view.layout) &&
                        array.bytes.size() == storage.size_bytes &&
                        storage.content.size() == storage.size_bytes;
  if (!is_whole) return false;
  std::uint32_t crc = 0;
  for (std::uint64_t done = 0; done < storage.size_bytes; done += kPieceBytes) {
    const auto piece = std::span(array.bytes).subspan(done, std::min(kPieceBytes, storage.size_bytes - done));
    storage.content.read(done, piece);
    if (storage.crc32 != 0) crc = extend_crc32(crc, piece);
    if (look) look(array.dtype, piece);
  }
  if (storage.crc32 != 0) require_crc(crc, storage.crc32);
  return true;
}

void swap_bytes(Array& array) {
  const auto size = static_cast<std::ptrdiff_t>(size_of(array.dtype));
  for (auto element = array.bytes.begin(); element != array.bytes.end(); element += size) {
    std::reverse(element, element + size);
  }
}

// Any byte but 0 counts as true, as in torch and numpy; C++ knows only 0 and 1.
void normalize_booleans(Array& array) {
  for (std::byte& value : array.bytes) value = std::byte{value != std::byte{0}};
}

}  // namespace

Array load(const ArrayView& view, MemoryBudget& budget, const LookAtElements& look) {
  budget.charge(loaded_bytes(view));
  Array array{view.dtype, view.layout.shape, take_buffer(loaded_bytes(view))};
  if (array.bytes.empty()) return array;
  if (!read_whole(view, array, look)) {
    read_pieces(view, array, budget);
    if (view.swapped) swap_bytes(array);
    if (look) look(array.dtype, array.bytes);
  }
  if (view.dtype == DType::boolean) normalize_booleans(array);
  return array;
}

ByteRange decoded(const ByteRange& content, Encoding encoding, MemoryBudget& budget) {
  if (encoding == Encoding::raw) return content;
  budget.charge(2 * content.size());
  std::vector<std::byte> bytes = content.bytes();
  std::size_t length = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto lead = std::to_integer<unsigned>(bytes[i]);
    const unsigned next = i + 1 < bytes.size() ? std::to_integer<unsigned>(bytes[i + 1]) : 0;
    const bool is_pair = (lead & 0xFEU) == 0xC2U && (next & 0xC0U) == 0x80U;
    if (lead >= 0x80 && !is_pair) throw data_error(fmt::format("byte {} of Latin-1 data is not Latin-1", i));
    bytes[length++] = is_pair ? std::byte((lead << 6U & 0xC0U) | (next & 0x3FU)) : bytes[i];
    if (is_pair) ++i;
  }
  bytes.resize(length);
  return ByteRange::owning(std::move(bytes));
}

}  // namespace dfm::data
