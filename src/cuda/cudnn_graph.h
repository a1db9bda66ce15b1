// cuDNN's attention as graphs: described once for a geometry, planned once, kept (cuda/cudnn_plans.h).
//
// Samples of unequal lengths are "ragged": each begins at an offset that the device knows, and the geometry
// holds upper bounds, rounded up, so that a few plans serve all packs (geometry_of).
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>

#include "cuda/cudnn_frontend_header.h"

namespace dfm::cuda {

// Elements from one token to the next, and from one head to the next; those of a head are neighbours.
struct RowStrides {
  std::int64_t token = 0, head = 0;
  auto operator<=>(const RowStrides&) const = default;
};

struct AttentionGeometry {
  std::int64_t samples = 0, heads = 0, key_heads = 0, width = 0;
  std::int64_t query_length = 0, key_length = 0;  // of each sample; ragged: at most
  std::int64_t query_rows = 0, key_rows = 0;      // of all samples; ragged: at most
  RowStrides q, k, v, out, key_gradient;          // out: also its gradient and that of q
  float scale = 1;
  bool ragged = false, deterministic = false;
  auto operator<=>(const AttentionGeometry&) const = default;
};

// Which tensor of a graph a pointer belongs to.
enum AttentionTensor : std::int64_t {
  kQ = 1,
  kK,
  kV,
  kOut,
  kLogSumExp,
  kOutGradient,
  kQGradient,
  kKGradient,
  kVGradient,
  // Of ragged samples, int32: rows of each, and elements before each.
  kQueryCounts,
  kKeyCounts,
  kQOffsets,
  kKOffsets,
  kVOffsets,
  kOutOffsets,
  kLogSumExpOffsets,
  kKeyGradientOffsets,
};

enum class AttentionDirection { forward, backward };

// Throws std::runtime_error with cuDNN's reason where it cannot do this.
std::shared_ptr<cudnn_frontend::graph::Graph> attention_graph(const AttentionGeometry& geometry,
                                                              AttentionDirection direction,
                                                              cudnnHandle_t handle);

}  // namespace dfm::cuda
