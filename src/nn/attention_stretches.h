// The parts of a pack that an attention kernel takes at once: stretches of consecutive samples which all have
// queries and keys here. Nearly always that is the whole pack; where ranks share it, samples may be missing.
#pragma once

#include <vector>

#include "nn/attention_kernel.h"

namespace dfm::nn {

struct Stretch {
  std::int64_t query_begin, query_rows, key_begin, key_rows;
  AttentionLengths lengths;

  // Of rows [tokens, ...].
  at::Tensor of_queries(const at::Tensor& rows) const { return rows.narrow(0, query_begin, query_rows); }
  at::Tensor of_keys(const at::Tensor& rows) const { return rows.narrow(0, key_begin, key_rows); }
  bool is_whole(const at::Tensor& query_rows_of_all, const at::Tensor& key_rows_of_all) const {
    return query_rows == query_rows_of_all.size(0) && key_rows == key_rows_of_all.size(0);
  }
};

std::vector<Stretch> stretches(const std::vector<std::int64_t>& query_counts,
                               const std::vector<std::int64_t>& key_counts);

}  // namespace dfm::nn
