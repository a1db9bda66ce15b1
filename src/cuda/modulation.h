// Kernels of nn/modulation.h. Tokens [tokens, width] lie one behind the other; what belongs to samples has
// rows at any stride. Element: of tokens, Row: of shift, scale and their gradients.
//
// Sums over the tokens of a sample are made over fixed blocks of tokens, and these added in order: the bits
// depend on the shapes alone.
#pragma once

#include "cuda/kernels.h"

namespace dfm::cuda {

struct TokenShape {
  std::int64_t tokens;
  int width;
};

struct NormSettings {
  float epsilon;
  bool centers;  // LayerNorm; without it RMSNorm
};

// Of a row, for the backward pass.
struct Moments {
  float mean, inverse_deviation;
};

template <class Row>
struct ModulationRows {
  RowsOf<const Row> shift, scale;
};

// Whether rows of the width fit into the memory of a block of threads, for both passes.
template <class Element>
bool norm_fits(int width);

// y = norm(x) (1 + scale) + shift. Moves every element of x and y once.
template <class Element, class Row>
void modulated_norm(const Element* x, const ModulationRows<Row>& rows, Element* y, Moments* moments,
                    const Samples& samples, const TokenShape& shape, const NormSettings& settings,
                    cudaStream_t stream);

template <class Element, class Row>
struct NormGradient {
  const Element *dy, *x;
  RowsOf<const Row> scale;
  const Moments* moments;
  bool centers;
  float* partial;  // [norm_partial_rows(), 2 width]
  Element* dx;
  Row* rows;  // [samples, 2 width]: of shift, then of scale
};

std::int64_t norm_partial_rows(const Samples& samples, const TokenShape& shape);

// Moves every element of dy, x and dx once, and the partial sums twice.
template <class Element, class Row>
void modulated_norm_backward(const NormGradient<Element, Row>& gradient, const Samples& samples,
                             const TokenShape& shape, cudaStream_t stream);

// out = x + gate y. Moves every element of x, y and out once.
template <class Element>
void gated_add(const Element* x, RowsOf<const Element> gate, const Element* y, Element* out,
               const Samples& samples, const TokenShape& shape, cudaStream_t stream);

template <class Element>
struct GateGradient {
  const Element* dout;
  RowsOf<const Element> gate;
  const Element* y;
  float* partial;  // [gate_partial_rows(), width]
  Element *dy, *dgate;
};

template <class Element>
std::int64_t gate_partial_rows(const Samples& samples, const TokenShape& shape);

// Moves every element of dout, y and dy once, and the partial sums twice.
template <class Element>
void gated_add_backward(const GateGradient<Element>& gradient, const Samples& samples,
                        const TokenShape& shape, cudaStream_t stream);

}  // namespace dfm::cuda
