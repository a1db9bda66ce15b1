// The table of all classes and functions that a pickle may name. A name that is not in it is an error before
// anything is done with it; a name that is in it selects a function of this library. Nothing of a file is
// ever executed.
#pragma once

#include <string_view>

#include "core/dtype.h"
#include "data/pickle/call.h"

namespace dfm::data::pickle {

enum class GlobalKind {
  function,       // may be called
  storage_class,  // torch.FloatStorage, ...
  element_type,   // torch.float32, ...
  tensor_class,   // torch.Tensor, torch.nn.Parameter
  array_class,    // numpy.ndarray
  record_class,   // torch.distributed.checkpoint.metadata.Metadata, ...: data that is kept and never run
};

struct Global {
  std::string_view module;
  std::string_view name;
  GlobalKind kind = GlobalKind::function;
  Function function = nullptr;
  DType dtype = DType::uint8;
};

// Throws a data error that names the global when it is not permitted.
const Global& permitted_global(std::string_view module, std::string_view name);

}  // namespace dfm::data::pickle
