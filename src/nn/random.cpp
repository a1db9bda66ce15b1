#include "nn/random.h"

#include "core/error.h"
#include "nn/operators.h"

namespace dfm::nn {
namespace {

Philox philox(std::int64_t seed, std::int64_t stream, std::int64_t key) {
  return {static_cast<std::uint64_t>(seed), static_cast<Stream>(stream), static_cast<std::uint64_t>(key)};
}

void normals_on_cpu(const at::Tensor& out, std::int64_t seed, std::int64_t stream, std::int64_t key,
                    std::int64_t first) {
  philox(seed, stream, key)
      .normals(static_cast<std::uint64_t>(first),
               {out.mutable_data_ptr<float>(), static_cast<std::size_t>(out.numel())});
}

void bits_on_cpu(const at::Tensor& out, std::int64_t seed, std::int64_t stream, std::int64_t key,
                 std::int64_t first) {
  const Philox source = philox(seed, stream, key);
  auto* const words = out.mutable_data_ptr<std::int32_t>();
  for (std::int64_t i = 0; i < out.numel(); ++i)
    words[i] = static_cast<std::int32_t>(source.bits(static_cast<std::uint64_t>(first + i)));
}

TORCH_LIBRARY_FRAGMENT(dfm, library) {
  library.def("normals_(Tensor(a!) out, int seed, int stream, int key, int first) -> ()");
  library.def("random_words_(Tensor(a!) out, int seed, int stream, int key, int first) -> ()");
}
TORCH_LIBRARY_IMPL(dfm, CPU, library) {
  library.impl("normals_", normals_on_cpu);
  library.impl("random_words_", bits_on_cpu);
}

using FillOperator =
    Operator<void(const at::Tensor&, std::int64_t, std::int64_t, std::int64_t, std::int64_t)>;

void fill(const FillOperator& fill_operator, const at::Tensor& out, const Draw& draw) {
  ensure(out.is_contiguous(), "random numbers fill contiguous tensors");
  fill_operator(out, static_cast<std::int64_t>(draw.seed), static_cast<std::int64_t>(draw.stream),
                static_cast<std::int64_t>(draw.key), static_cast<std::int64_t>(draw.first));
}

}  // namespace

void fill_with_normals(const at::Tensor& out, const Draw& draw) {
  static const FillOperator normals("dfm::normals_");
  fill(normals, out, draw);
}

void fill_with_bits(const at::Tensor& out, const Draw& draw) {
  static const FillOperator bits("dfm::random_words_");
  fill(bits, out, draw);
}

}  // namespace dfm::nn
