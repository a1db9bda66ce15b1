// Tensors of a PyTorch distributed checkpoint, put together from their boxes slice by slice.
#include <fmt/core.h>

#include "ckpt/import/dcp_box.h"
#include "ckpt/import/dcp_metadata.h"
#include "ckpt/import/foreign.h"
#include "data/tensor/error_context.h"

namespace dfm::ckpt {
namespace fs = std::filesystem;
namespace {

using Boxes = std::vector<std::shared_ptr<DcpBox>>;

Boxes boxes_of(const DcpTensor& tensor, const std::shared_ptr<DcpFolder>& folder) {
  Boxes boxes;
  for (const DcpChunk& chunk : tensor.chunks)
    boxes.push_back(std::make_shared<DcpBox>(tensor, chunk, folder));
  return boxes;
}

}  // namespace

Source open_torch_distributed(const fs::path& folder) {
  const fs::path metadata_path = folder / ".metadata";
  const DcpMetadata metadata =
      data::with_context([&] { return metadata_path.native(); },
                         [&] { return read_dcp_metadata(byte_range_of(metadata_path)); });
  const auto files = std::make_shared<DcpFolder>(folder);
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
