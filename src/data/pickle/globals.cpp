#include "data/pickle/globals.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/text.h"

namespace dfm::data::pickle {
namespace {

constexpr Global function(std::string_view module, std::string_view name, Function function) {
  return {module, name, GlobalKind::function, function};
}

constexpr Global storage(std::string_view name, DType dtype) {
  return {"torch", name, GlobalKind::storage_class, nullptr, dtype};
}

constexpr Global element_type(std::string_view name, DType dtype) {
  return {"torch", name, GlobalKind::element_type, nullptr, dtype};
}

constexpr Global record(std::string_view module, std::string_view name) {
  return {module, name, GlobalKind::record_class};
}

constexpr std::array kGlobals{
    function("__builtin__", "bytes", make_bytes),
    function("__builtin__", "bytearray", make_bytes),
    function("builtins", "bytes", make_bytes),
    function("builtins", "bytearray", make_bytes),
    function("_codecs", "encode", make_bytes),
    function("collections", "OrderedDict", make_ordered_dict),

    function("torch._utils", "_rebuild_tensor", rebuild_tensor),
    function("torch._utils", "_rebuild_tensor_v2", rebuild_tensor),
    function("torch._utils", "_rebuild_tensor_v3", rebuild_typed_tensor),
    function("torch._utils", "_rebuild_parameter", rebuild_parameter),
    function("torch._utils", "_rebuild_parameter_with_state", rebuild_parameter),
    function("torch._tensor", "_rebuild_from_type_v2", rebuild_from_type),
    function("torch", "Size", make_size),
    function("torch.storage", "_load_from_bytes", load_storage),
    Global{"torch", "Tensor", GlobalKind::tensor_class},
    Global{"torch.nn.parameter", "Parameter", GlobalKind::tensor_class},

    storage("FloatStorage", DType::float32),
    storage("HalfStorage", DType::float16),
    storage("BFloat16Storage", DType::bfloat16),
    storage("DoubleStorage", DType::float64),
    storage("LongStorage", DType::int64),
    storage("IntStorage", DType::int32),
    storage("ShortStorage", DType::int16),
    storage("CharStorage", DType::int8),
    storage("ByteStorage", DType::uint8),
    storage("BoolStorage", DType::boolean),
    storage("UntypedStorage", DType::uint8),
    Global{"torch.storage", "UntypedStorage", GlobalKind::storage_class, nullptr, DType::uint8},

    element_type("float32", DType::float32),
    element_type("float16", DType::float16),
    element_type("bfloat16", DType::bfloat16),
    element_type("float64", DType::float64),
    element_type("int64", DType::int64),
    element_type("int32", DType::int32),
    element_type("int16", DType::int16),
    element_type("int8", DType::int8),
    element_type("uint8", DType::uint8),
    element_type("bool", DType::boolean),

    Global{"numpy", "ndarray", GlobalKind::array_class},
    function("numpy", "dtype", make_element_type),
    function("numpy.core.multiarray", "_reconstruct", reconstruct_array),
    function("numpy._core.multiarray", "_reconstruct", reconstruct_array),
    function("numpy.core.multiarray", "scalar", make_scalar),
    function("numpy._core.multiarray", "scalar", make_scalar),
    function("numpy.core.numeric", "_frombuffer", array_from_buffer),
    function("numpy._core.numeric", "_frombuffer", array_from_buffer),

    record("torch.distributed.checkpoint.metadata", "Metadata"),
    record("torch.distributed.checkpoint.metadata", "StorageMeta"),
    record("torch.distributed.checkpoint.metadata", "TensorStorageMetadata"),
    record("torch.distributed.checkpoint.metadata", "BytesStorageMetadata"),
    record("torch.distributed.checkpoint.metadata", "ChunkStorageMetadata"),
    record("torch.distributed.checkpoint.metadata", "TensorProperties"),
    record("torch.distributed.checkpoint.metadata", "MetadataIndex"),
    record("torch.distributed.checkpoint.metadata", "_MEM_FORMAT_ENCODING"),
    record("torch.distributed.checkpoint.filesystem", "_StorageInfo"),
    record("torch.distributed.checkpoint.planner", "SavePlan"),
    record("torch.distributed.checkpoint.planner", "WriteItem"),
    record("torch.distributed.checkpoint.planner", "WriteItemType"),
    record("torch.distributed.checkpoint.planner", "TensorWriteData"),
    record("megatron.core.dist_checkpointing.strategies.torch", "MCoreSavePlan"),
    record("torch.distributed._shard.sharded_tensor.metadata", "TensorProperties"),
    record("torch.distributed._shard.sharded_tensor.metadata", "MEM_FORMAT_ENCODING"),
    record("torch.serialization", "_get_layout"),
    record("torch", "device"),
    record("pathlib", "PosixPath"),
    record("pathlib._local", "PosixPath"),
    record("_io", "BytesIO"),
    record("argparse", "Namespace"),
};

// torch.ComplexFloatStorage, torch.float8_e4m3fn, torch.uint16, ...: harmless, but there is no such DType.
bool is_other_element_type(std::string_view module, std::string_view name) {
  static constexpr std::array kPrefixes{"complex", "float", "uint", "int", "bits", "qint", "quint"};
  return module == "torch" && (name.ends_with("Storage") ||
                               std::ranges::any_of(kPrefixes, [&](auto p) { return name.starts_with(p); }));
}

}  // namespace

const Global& permitted_global(std::string_view module, std::string_view name) {
  for (const Global& global : kGlobals) {
    if (global.module == module && global.name == name) return global;
  }
  const std::string full_name = fmt::format("{}.{}", printable(module), printable(name));
  if (is_other_element_type(module, name)) {
    throw data_error(
        full_name + " is an element type that is not supported",
        "convert the tensor to float32, float16, bfloat16, float64, int8 to int64, uint8 or bool");
  }
  throw data_error(full_name + " is not allowed: only tensors and plain values are read",
                   "save tensors, numpy arrays, numbers, text, and lists, tuples and dicts of them");
}

}  // namespace dfm::data::pickle
