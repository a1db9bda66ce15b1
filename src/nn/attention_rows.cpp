#include "nn/attention_rows.h"

namespace dfm::nn {
namespace {

constexpr std::int64_t kElements = 8;  // of bfloat16 in 16 bytes
constexpr std::uintptr_t kBytes = 16;

bool stands_straight(const at::Tensor& rows) {
  return rows.stride(2) == 1 && rows.stride(0) % kElements == 0 && rows.stride(1) % kElements == 0 &&
         reinterpret_cast<std::uintptr_t>(rows.const_data_ptr()) % kBytes == 0;
}

at::Tensor straight(const at::Tensor& rows) {
  return stands_straight(rows) ? rows : rows.clone(at::MemoryFormat::Contiguous);
}

}  // namespace

at::Tensor padded(const at::Tensor& rows, std::int64_t width) {
  return rows.size(2) == width ? rows : at::constant_pad_nd(rows, {0, width - rows.size(2)});
}

at::Tensor cut(const at::Tensor& rows, std::int64_t width) {
  return rows.size(2) == width ? rows : rows.narrow(2, 0, width).contiguous();
}

AttentionInputs in_form(const AttentionInputs& in) {
  if (in.q.scalar_type() != at::kBFloat16) return in;
  const std::int64_t width = (in.q.size(2) + kElements - 1) / kElements * kElements;
  return {straight(padded(in.q, width)), straight(padded(in.k, width)), straight(padded(in.v, width)),
          in.lengths, in.scale};
}

}  // namespace dfm::nn
