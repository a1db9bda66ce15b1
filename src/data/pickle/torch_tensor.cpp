#include "data/pickle/torch_tensor.h"

#include "data/pickle/torch_names.h"
#include "data/pickle/writer.h"
#include "data/tensor/array_view.h"

namespace dfm::data::pickle {

// _rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks)
void write_tensor(Writer& writer, DType dtype, const Shape& shape, const std::string& storage_key) {
  writer.global("torch._utils", "_rebuild_tensor_v2").operation('(');
  writer.operation('(').text("storage").global("torch", torch_storage_name(dtype));
  writer.text(storage_key).text("cpu").integer(element_count(shape)).operation('t').operation('Q');
  writer.integer(0).tuple(shape).tuple(row_major(shape).strides).boolean(false);
  writer.global("collections", "OrderedDict").operation(')').operation('R');
  writer.operation('t').operation('R');
}

std::vector<std::byte> state_dict_pickle(const std::vector<NamedTensor>& tensors) {
  Writer writer(2);
  writer.global("collections", "OrderedDict").operation(')').operation('R').operation('(');
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    writer.text(tensors[i].name);
    write_tensor(writer, tensors[i].dtype, tensors[i].shape, std::to_string(i));
  }
  writer.operation('u');
  return std::move(writer).finish();
}

}  // namespace dfm::data::pickle
