// The operators of nn/modulation.h on GPUs.
#include <torch/library.h>

#include "cuda/modulation.h"
#include "cuda/tensor_support.h"

namespace dfm::cuda {
namespace {

TokenShape shape_of(const at::Tensor& tokens) { return {tokens.size(0), static_cast<int>(tokens.size(1))}; }

at::Tensor gated_add_on_gpu(const at::Tensor& x, const at::Tensor& gate, const at::Tensor& y,
                            const at::Tensor& begins) {
  const c10::cuda::CUDAGuard on_device(x.device());
  at::Tensor out = at::empty_like(x);
  dispatch(x, [&]<class T>(T) {
    gated_add<T>(data_of<T>(x), rows_of<T>(gate), data_of<T>(y), data_to<T>(out), samples_of(begins),
                 shape_of(x), stream());
  });
  return out;
}

at::Tensor partial_sums(std::int64_t rows, std::int64_t columns, const at::Tensor& like) {
  return at::empty({rows, columns}, like.options().dtype(at::kFloat));
}

std::tuple<at::Tensor, at::Tensor> gated_add_backward_on_gpu(const at::Tensor& dout, const at::Tensor& gate,
                                                             const at::Tensor& y, const at::Tensor& begins) {
  const c10::cuda::CUDAGuard on_device(y.device());
  const Samples samples = samples_of(begins);
  const TokenShape shape = shape_of(y);
  at::Tensor dy = at::empty_like(y), dgate = at::empty({samples.count, shape.width}, y.options());
  dispatch(y, [&]<class T>(T) {
    const at::Tensor partial = partial_sums(gate_partial_rows<T>(samples, shape), shape.width, y);
    gated_add_backward<T>({data_of<T>(dout), rows_of<T>(gate), data_of<T>(y), data_to<float>(partial),
                           data_to<T>(dy), data_to<T>(dgate)},
                          samples, shape, stream());
  });
  return {dy, dgate};
}

// Calls f with values of the types of tokens and of shift and scale.
template <class F>
void dispatch_rows(const at::Tensor& x, const at::Tensor& rows, const F& f) {
  dispatch(x, [&]<class T>(T element) {
    ensure(norm_fits<T>(static_cast<int>(x.size(1))), "a row fits into the memory of a block of threads");
    if (rows.scalar_type() == at::kFloat) {
      f(element, float{});
    } else {
      ensure(rows.scalar_type() == x.scalar_type(), "shift and scale are float32 or as the tokens");
      f(element, element);
    }
  });
}

std::tuple<at::Tensor, at::Tensor> modulated_norm_on_gpu(const at::Tensor& x, const at::Tensor& shift,
                                                         const at::Tensor& scale, const at::Tensor& begins,
                                                         double epsilon, bool centers) {
  const c10::cuda::CUDAGuard on_device(x.device());
  at::Tensor y = at::empty_like(x), moments = partial_sums(x.size(0), 2, x);
  dispatch_rows(x, scale, [&]<class T, class Row>(T, Row) {
    modulated_norm<T, Row>(data_of<T>(x), {rows_of<Row>(shift), rows_of<Row>(scale)}, data_to<T>(y),
                           static_cast<Moments*>(moments.mutable_data_ptr()), samples_of(begins), shape_of(x),
                           {static_cast<float>(epsilon), centers}, stream());
  });
  return {y, moments};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> modulated_norm_backward_on_gpu(
    const at::Tensor& dy, const at::Tensor& x, const at::Tensor& scale, const at::Tensor& moments,
    const at::Tensor& begins, bool centers) {
  const c10::cuda::CUDAGuard on_device(x.device());
  const Samples samples = samples_of(begins);
  const TokenShape shape = shape_of(x);
  const at::Tensor partial = partial_sums(norm_partial_rows(samples, shape), 2 * shape.width, x);
  at::Tensor dx = at::empty_like(x), rows = at::empty({samples.count, 2 * shape.width}, scale.options());
  dispatch_rows(x, scale, [&]<class T, class Row>(T, Row) {
    modulated_norm_backward<T, Row>({data_of<T>(dy), data_of<T>(x), rows_of<Row>(scale),
                                     static_cast<const Moments*>(moments.const_data_ptr()), centers,
                                     data_to<float>(partial), data_to<T>(dx), data_to<Row>(rows)},
                                    samples, shape, stream());
  });
  const auto both = rows.chunk(2, 1);
  return {dx, both[0], both[1]};
}

TORCH_LIBRARY_IMPL(dfm, CUDA, library) {
  library.impl("gated_add", gated_add_on_gpu);
  library.impl("gated_add_backward", gated_add_backward_on_gpu);
  library.impl("modulated_norm", modulated_norm_on_gpu);
  library.impl("modulated_norm_backward", modulated_norm_backward_on_gpu);
}

}  // namespace
}  // namespace dfm::cuda
