// The ZIP archive that torch.save has written since version 1.6: PREFIX/data.pkl, and each storage as
// PREFIX/data/KEY (spec/energon.md section 8.1).
#pragma once

#include "data/pickle/graph.h"
#include "data/tensor/byte_range.h"

namespace dfm::data::pickle {

// Parses the pickle and finds the storages; their content is not read. Returns the object.
Ref read_torch_archive(const ByteRange& file, Graph& graph);

}  // namespace dfm::data::pickle
