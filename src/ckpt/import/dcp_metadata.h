// The .metadata file of torch.distributed.checkpoint: which tensors there are, in which boxes they are
// stored, and where each box lies. It is a pickle of a few data classes, which are looked at and never run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/array.h"
#include "data/tensor/byte_range.h"

namespace dfm::ckpt {

// A box of a tensor: the item of a .distcp file that holds it.
struct DcpChunk {
  Shape offsets, sizes;
  std::string file;  // a name in the folder
  std::uint64_t begin = 0, size_bytes = 0;
};

struct DcpTensor {
  std::string name;
  DType dtype = DType::float32;
  Shape shape;
  std::vector<DcpChunk> chunks;
};

struct DcpMetadata {
  std::vector<DcpTensor> tensors;
  std::vector<std::string> others;  // names of what is no tensor
};

// Throws a data error for what is no such metadata, for boxes that leave their tensor, overlap or leave gaps,
// and for a file outside of the folder.
DcpMetadata read_dcp_metadata(const data::ByteRange& file);

}  // namespace dfm::ckpt
