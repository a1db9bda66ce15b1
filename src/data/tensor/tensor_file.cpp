#include "data/tensor/tensor_file.h"

#include <functional>
#include <string>

#include "data/pickle/machine.h"
#include "data/pickle/torch_archive.h"
#include "data/pickle/torch_stream.h"
#include "data/tensor/error_context.h"
#include "data/tensor/npy_file.h"
#include "data/tensor/safetensors_part.h"
#include "data/zip/reader.h"

namespace dfm::data {
namespace {

using pickle::Graph;
using pickle::Ref;
using pickle::View;

// Finds the tensor of a file; its elements are not read.
using Open = std::function<View(const ByteRange& file, MemoryBudget& budget)>;

View open_pth(const ByteRange& file, MemoryBudget& budget) {
  Graph graph(budget);
  const Ref root = ZipReader::recognizes(file) ? pickle::read_torch_archive(file, graph)
                                               : pickle::read_torch_stream(file, graph);
  if (const View* const view = std::get_if<View>(&graph.at(root))) return *view;
  throw data_error(fmt::format("it holds {}, not one tensor", pickle::kind_of(graph.at(root))),
                   "save the tensor alone: torch.save(tensor, path)");
}

View open_pickled_array(const ByteRange& file, MemoryBudget& budget) {
  Graph graph(budget);
  Ref root = pickle::run_pickle(file, pickle::Dialect::plain, graph);
  const char* const kind = pickle::kind_of(graph.at(root));
  if (const auto* list = std::get_if<pickle::List>(&graph.at(root));
      list != nullptr && !list->items.empty()) {
    root = list->items.front();
  } else if (const auto* tuple = std::get_if<pickle::Tuple>(&graph.at(root));
             tuple != nullptr && !tuple->items.empty()) {
    root = tuple->items.front();
  }
  if (const View* const view = std::get_if<View>(&graph.at(root))) return *view;
  throw data_error(fmt::format("it holds {}, not an array, or a list that begins with one", kind),
                   "save the array alone: pickle.dump(array, file)");
}

Open open_part(const TensorPart& part) {
  switch (part.format) {
    case TensorFormat::torch:
      return open_pth;
    case TensorFormat::pickle:
      return open_pickled_array;
    case TensorFormat::npy:
      return [](const ByteRange& file, MemoryBudget&) { return open_npy(file); };
    case TensorFormat::npz:
      return [name = part.tensor](const ByteRange& file, MemoryBudget&) { return open_npz(file, name); };
    case TensorFormat::safetensors:
      return
          [name = part.tensor](const ByteRange& file, MemoryBudget&) { return open_safetensors(file, name); };
  }
  throw internal_error("a tensor format without a reader");
}

Array read(const Open& open, const ByteRange& file, std::string_view what, const LookAtElements& look = {}) {
  return with_context([what] { return std::string(what); },
                      [&] {
                        MemoryBudget budget(file.size());
                        const View view = open(file, budget);
                        return load(*view, budget, look);
                      });
}

TensorHeader read_header(const Open& open, const ByteRange& file, std::string_view what) {
  return with_context([what] { return std::string(what); },
                      [&] {
                        MemoryBudget budget(file.size());
                        const View view = open(file, budget);
                        budget.charge(loaded_bytes(*view));  // what load() would refuse has no header, either
                        return TensorHeader{view->dtype, view->layout.shape};
                      });
}

}  // namespace

Array read_pth(std::span<const std::byte> bytes, std::string_view what) {
  return read(open_pth, ByteRange::of(bytes), what);
}

Array read_tensor(const ByteRange& file, const TensorPart& part, std::string_view what,
                  const LookAtElements& look) {
  return read(open_part(part), file, what, look);
}

TensorHeader read_tensor_header(const ByteRange& file, const TensorPart& part, std::string_view what) {
  return read_header(open_part(part), file, what);
}

}  // namespace dfm::data
