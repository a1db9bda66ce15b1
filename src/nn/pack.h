// Several samples packed into one sequence without padding: sample i owns a run of consecutive tokens and a
// run of consecutive text rows, and attends to its own only (spec/dfm.md section 4.7).
#pragma once

#include <cstdint>
#include <vector>

#include "nn/torch_header.h"

namespace dfm::nn {

class PackLayout {
 public:
  // One entry a sample, all at least 1.
  PackLayout(std::vector<std::int64_t> token_counts, std::vector<std::int64_t> text_counts);

  std::int64_t samples() const { return static_cast<std::int64_t>(token_counts_.size()); }
  std::int64_t tokens() const { return token_begins_.back(); }
  std::int64_t text_rows() const { return text_begins_.back(); }

  // Offsets of the samples, with the total at the end ("cu_seqlens").
  const std::vector<std::int64_t>& token_begins() const { return token_begins_; }
  const std::vector<std::int64_t>& text_begins() const { return text_begins_; }
  const std::vector<std::int64_t>& token_counts() const { return token_counts_; }
  const std::vector<std::int64_t>& text_counts() const { return text_counts_; }

  // One value a sample [n, ...] -> one a token [S, ...].
  at::Tensor per_token(const at::Tensor& per_sample) const;
  // [n, ...] -> [text rows, ...].
  at::Tensor per_text_row(const at::Tensor& per_sample) const;

 private:
  std::vector<std::int64_t> token_counts_, text_counts_, token_begins_, text_begins_;
};

// A run of samples that may be computed as one batch of sequences of equal length.
struct EqualRun {
  std::int64_t first_sample, samples;
  std::int64_t query_begin, query_length;
  std::int64_t key_begin, key_length;
};

// Consecutive samples with equal query and key lengths, joined.
std::vector<EqualRun> equal_runs(const std::vector<std::int64_t>& query_counts,
                                 const std::vector<std::int64_t>& key_counts);

// The same without samples that have no queries or no keys.
std::vector<EqualRun> runs_with_tokens(const std::vector<std::int64_t>& query_counts,
                                       const std::vector<std::int64_t>& key_counts);

// A block of consecutive tokens of one sample, for kernels that sum over the tokens of a sample: partial sums
// over fixed blocks, added in order, do not depend on the number of threads.
struct TokenBlock {
  std::int64_t sample, begin, end;
};

std::vector<TokenBlock> token_blocks(const std::vector<std::int64_t>& begins);

}  // namespace dfm::nn
