// Packs to attend over, and what attention must give: softmax(q k' / sqrt(d)) v, sample by sample.
#pragma once

#include <cmath>
#include <functional>
#include <numeric>
#include <vector>

#include "support/tensors.h"

namespace dfm::testing {

using RowCounts = std::vector<std::int64_t>;

struct AttentionPack {
  RowCounts queries, keys;
};

inline std::int64_t total(const RowCounts& counts) { return std::reduce(counts.begin(), counts.end()); }

// q [H, S, d]; k, v [G, T, d], which H / G query heads share -> [S, H * d].
inline at::Tensor attended_sample_by_sample(const AttentionPack& pack, const at::Tensor& q,
                                            const at::Tensor& k, const at::Tensor& v) {
  std::vector<at::Tensor> rows;
  const std::int64_t sharing = q.size(0) / k.size(0);
  std::int64_t query = 0, key = 0;
  for (std::size_t i = 0; i < pack.queries.size(); ++i) {
    const auto of_keys = [&](const at::Tensor& heads) {
      return heads.narrow(1, key, pack.keys[i]).repeat_interleave(sharing, 0);
    };
    const at::Tensor queries = q.narrow(1, query, pack.queries[i]);
    const at::Tensor scores =
        at::matmul(queries, of_keys(k).transpose(1, 2)) / std::sqrt(static_cast<double>(q.size(2)));
    rows.push_back(at::matmul(at::softmax(scores, -1), of_keys(v)).transpose(0, 1).flatten(1));
    query += pack.queries[i];
    key += pack.keys[i];
  }
  return at::cat(rows);
}

// Arguments: q, k, v.
inline auto attention_sample_by_sample(const AttentionPack& pack) {
  return [&pack](const std::vector<at::Tensor>& in) {
    return attended_sample_by_sample(pack, in[0], in[1], in[2]);
  };
}

inline std::vector<at::Tensor> attention_arguments(const AttentionPack& pack, std::int64_t heads,
                                                   std::int64_t key_heads, std::int64_t width,
                                                   Normals& normals) {
  return {normals({heads, total(pack.queries), width}), normals({key_heads, total(pack.keys), width}),
          normals({key_heads, total(pack.keys), width})};
}

}  // namespace dfm::testing
