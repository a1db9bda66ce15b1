// Slices of tensors as they lie in files of torch.save.
#include <algorithm>

#include "ckpt/import/foreign.h"
#include "core/error.h"
#include "core/file.h"

namespace dfm::ckpt {
namespace {

using data::ArrayView;

// The last dimensions whose elements lie behind each other.
struct InnerRun {
  std::size_t dimensions = 0;  // how many are left outside
  std::int64_t elements = 1;
};

InnerRun inner_run(const data::Layout& layout) {
  InnerRun run{layout.shape.size(), 1};
  while (run.dimensions > 0) {
    const std::size_t d = run.dimensions - 1;
    if (layout.shape[d] != 1 && layout.strides[d] != run.elements) break;
    run.elements *= layout.shape[d];
    --run.dimensions;
  }
  return run;
}

// Where in the storage the run with that number begins.
std::int64_t place_of_run(const data::Layout& layout, std::size_t outer_dimensions, std::int64_t number) {
  std::int64_t place = layout.offset;
  for (std::size_t d = outer_dimensions; d-- > 0;) {
    place += number % layout.shape[d] * layout.strides[d];
    number /= layout.shape[d];
  }
  return place;
}

void read_runs(const ArrayView& view, std::int64_t begin, std::span<std::byte> out) {
  const InnerRun run = inner_run(view.layout);
  const std::size_t element = size_of(view.dtype);
  while (!out.empty()) {
    const std::int64_t inside = begin % run.elements;
    const auto count = std::min(static_cast<std::int64_t>(out.size() / element), run.elements - inside);
    const std::int64_t place = place_of_run(view.layout, run.dimensions, begin / run.elements) + inside;
    const std::size_t bytes = static_cast<std::size_t>(count) * element;
    view.storage->content.read(static_cast<std::uint64_t>(place) * element, out.first(bytes));
    out = out.subspan(bytes);
    begin += count;
  }
}

}  // namespace

bool is_dense(const ArrayView& view) { return inner_run(view.layout).dimensions == 0; }

ReadElements reader_of(std::shared_ptr<const ArrayView> view) {
  ensure(!view->swapped && view->storage->encoding == data::Encoding::raw,
         "torch stores elements as they are");
  return [view = std::move(view)](std::int64_t begin, std::span<std::byte> out) {
    read_runs(*view, begin, out);
  };
}

data::ByteRange byte_range_of(const std::filesystem::path& path) {
  const auto file = std::make_shared<const File>(File::open_to_read(path));
  const auto read = [file](std::uint64_t offset, std::span<std::byte> buffer) {
    file->read_exactly(buffer, offset);
  };
  return data::ByteRange::through(read, file->size());
}

}  // namespace dfm::ckpt
