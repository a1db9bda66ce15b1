// What T5 knows of positions: a number for each head and each distance between two tokens, added to their
// score. Distances share numbers in buckets, as in Raffel et al. 2020, section 2.1.
#pragma once

#include "encoders/t5_shape.h"

namespace dfm::encoders {

// The buckets of the distances 1 - tokens to tokens - 1, key minus query, int64.
at::Tensor t5_buckets(const T5Shape& shape, std::int64_t tokens);

// [heads, tokens, tokens] float32: what is added to the score of query i and key j, for a table [buckets,
// heads].
at::Tensor t5_bias(const at::Tensor& table, const at::Tensor& buckets);

}  // namespace dfm::encoders
