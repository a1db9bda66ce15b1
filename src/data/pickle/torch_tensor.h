// Writes the pickle of torch.save for tensors whose elements lie in storages of their own: one tensor, or a
// state dict (an OrderedDict of tensors by name).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/array.h"

namespace dfm::data::pickle {

class Writer;

// torch._utils._rebuild_tensor_v2(...) of the storage with that key.
void write_tensor(Writer& writer, DType dtype, const Shape& shape, const std::string& storage_key);

struct NamedTensor {
  std::string name;
  DType dtype = DType::float32;
  Shape shape;
};

// The i-th tensor lies in the storage with the key i.
std::vector<std::byte> state_dict_pickle(const std::vector<NamedTensor>& tensors);

}  // namespace dfm::data::pickle
