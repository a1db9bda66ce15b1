#include "ckpt/side_by_side.h"

#include <algorithm>

#include <fmt/core.h>

#include "core/error.h"

namespace dfm::ckpt {
namespace {

// A tensor's elements in runs of one length, each the rows of a head in one part.
struct Blocks {
  std::int64_t elements = 0;
  std::size_t element_bytes = 0;
};

Blocks blocks_of(const SourceTensor& tensor, std::int64_t count) {
  const std::int64_t rows = tensor.shape.empty() ? 0 : tensor.shape.front();
  if (count < 1 || rows < 1 || rows % count != 0) {
    throw data_error(fmt::format("{} is of {}, whose rows do not divide into {} equal parts", tensor.name,
                                 dfm::to_text(tensor.shape), count),
                     "the number of attention heads is of another model");
  }
  return {element_count(tensor.shape) / count, size_of(tensor.dtype)};
}

// read(block, begin in it, out): for every block that the range has a part in.
template <class Read>
void for_each_block(const Blocks& blocks, std::int64_t begin, std::span<std::byte> out, const Read& read) {
  while (!out.empty()) {
    const std::int64_t inside = begin % blocks.elements;
    const auto wanted = static_cast<std::int64_t>(out.size() / blocks.element_bytes);
    const std::int64_t count = std::min(wanted, blocks.elements - inside);
    const std::size_t bytes = static_cast<std::size_t>(count) * blocks.element_bytes;
    read(begin / blocks.elements, inside, out.first(bytes));
    out = out.subspan(bytes);
    begin += count;
  }
}

void require_alike(const SourceTensor& first, const SourceTensor& other) {
  if (first.shape == other.shape && first.dtype == other.dtype) return;
  throw data_error(fmt::format("{} is {} of {}, {} is {} of {}: they cannot lie side by side", first.name,
                               name_of(first.dtype), dfm::to_text(first.shape), other.name,
                               name_of(other.dtype), dfm::to_text(other.shape)),
                   "the weights are damaged, or of another model");
}

// Part number `part` of each head of the whole.
ReadElements reader_of_part(const ReadElements& whole, const Blocks& blocks, std::int64_t part,
                            std::int64_t parts) {
  return [whole, blocks, part, parts](std::int64_t begin, std::span<std::byte> out) {
    for_each_block(blocks, begin, out, [&](std::int64_t head, std::int64_t inside, std::span<std::byte> run) {
      whole((head * parts + part) * blocks.elements + inside, run);
    });
  };
}

}  // namespace

SourceTensor side_by_side(const std::vector<SourceTensor>& parts, std::int64_t heads) {
  ensure(!parts.empty(), "side_by_side: no parts");
  const SourceTensor& first = parts.front();
  for (const SourceTensor& part : parts) require_alike(first, part);
  const Blocks blocks = blocks_of(first, heads);
  SourceTensor whole{.kind = first.kind, .name = first.name, .dtype = first.dtype, .shape = first.shape};
  whole.shape.front() *= static_cast<std::int64_t>(parts.size());
  std::vector<ReadElements> readers;
  for (const SourceTensor& part : parts) {
    readers.push_back(part.read);
    whole.checks.insert(whole.checks.end(), part.checks.begin(), part.checks.end());
    if (part.crc32) whole.checks.push_back(check_of(part));
  }
  whole.read = [readers, blocks](std::int64_t begin, std::span<std::byte> out) {
    const auto count = static_cast<std::int64_t>(readers.size());
    for_each_block(
        blocks, begin, out, [&](std::int64_t block, std::int64_t inside, std::span<std::byte> run) {
          readers[static_cast<std::size_t>(block % count)](block / count * blocks.elements + inside, run);
        });
  };
  return whole;
}

std::vector<SourceTensor> parts_in_heads(const SourceTensor& whole, std::int64_t parts, std::int64_t heads) {
  const Blocks blocks = blocks_of(whole, parts * heads);
  std::vector<SourceTensor> made;
  for (std::int64_t i = 0; i < parts; ++i) {
    SourceTensor part{.kind = whole.kind, .name = whole.name, .dtype = whole.dtype, .shape = whole.shape};
    part.shape.front() /= parts;
    part.read = reader_of_part(whole.read, blocks, i, parts);
    made.push_back(std::move(part));
  }
  made.front().checks = whole.checks;
  if (whole.crc32) made.front().checks.push_back(check_of(whole));
  return made;
}

}  // namespace dfm::ckpt
