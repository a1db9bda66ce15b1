// The stream that torch.save wrote before version 1.6, and that a tensor inside a plain pickle carries its
// storage in: five pickles (magic number, version, system, object, storage keys), then each storage in the
// order of the keys: the number of its elements as int64, and their bytes (spec/energon.md section 8.2).
#pragma once

#include "data/pickle/graph.h"
#include "data/tensor/byte_range.h"

namespace dfm::data::pickle {

// Parses the pickles and finds the storages; their content is not read. Returns the object.
Ref read_torch_stream(const ByteRange& stream, Graph& graph);

}  // namespace dfm::data::pickle
