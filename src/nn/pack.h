// Several samples packed into one sequence without padding: sample i owns a run of consecutive tokens and a
// run of consecutive text rows, and attends to its own only (spec/dfm.md section 4.7).
//
// Where ranks share a pack, each has some of its tokens and all of its text rows:
//
//   const PackLayout layout = PackLayout(tokens, rows).share(parallel.sequence_cut());
//   layout.token_counts();        // of each sample on this rank, outside of attention and MLP
//   layout.attention_counts();    // of each sample on this rank's tensor ranks together
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "nn/model_parallel.h"
#include "nn/torch_header.h"

namespace dfm::nn {

class PackLayout {
 public:
  // One entry a sample, all at least 1. A pack without samples is what a rank computes that has none where
  // others need it to take part.
  PackLayout(std::vector<std::int64_t> token_counts, std::vector<std::int64_t> text_counts);

  // What this rank has of a whole pack. Each context rank gets an even cut of every sample, its tensor ranks
  // even cuts of these one behind the other: with few tokens, none of some samples.
  PackLayout share(const SequenceCut& cut) const;
  // The same tokens with other texts.
  PackLayout with_text_counts(std::vector<std::int64_t> text_counts) const;

  std::int64_t samples() const { return static_cast<std::int64_t>(token_counts_.size()); }
  std::int64_t tokens() const { return token_begins_.back(); }
  std::int64_t text_rows() const { return text_begins_.back(); }

  // Of this rank. Offsets of the samples, with the total at the end ("cu_seqlens").
  const std::vector<std::int64_t>& token_begins() const { return token_begins_; }
  const std::vector<std::int64_t>& text_begins() const { return text_begins_; }
  const std::vector<std::int64_t>& token_counts() const { return token_counts_; }
  // token_begins() for a kernel on a device: [n + 1] int64. Made once for all copies of this layout.
  at::Tensor token_begins_on(const at::Device& device) const;
  const std::vector<std::int64_t>& text_counts() const { return text_counts_; }

  // Tokens of each sample in the whole pack.
  const std::vector<std::int64_t>& whole_counts() const { return counts_.whole; }
  // Tokens of each sample on context rank c.
  const std::vector<std::vector<std::int64_t>>& counts_by_context_rank() const { return counts_.by_context; }
  // Tokens of each sample in the share that this rank's tensor ranks have together.
  const std::vector<std::int64_t>& attention_counts() const {
    return counts_.by_context[static_cast<std::size_t>(cut_.context_rank)];
  }
  // How many rows that is on each context rank.
  std::vector<std::int64_t> context_row_counts() const;
  // How those here are divided: rows of each tensor rank.
  const std::vector<std::int64_t>& tensor_row_counts() const { return counts_.by_tensor; }

  // Of the rows of a whole pack [S, ...] those of this rank, and those of its tensor ranks together.
  at::Tensor own_rows(const at::Tensor& whole) const;
  at::Tensor attention_rows(const at::Tensor& whole) const;
  // And back: of the shares of the context ranks, one behind the other, the rows of the whole pack.
  at::Tensor whole_rows(const at::Tensor& shares) const;

  // One value a sample [n, ...] -> one a token [S, ...].
  at::Tensor per_token(const at::Tensor& per_sample) const;
  // [n, ...] -> [text rows, ...].
  at::Tensor per_text_row(const at::Tensor& per_sample) const;

 private:
  using Counts = std::vector<std::int64_t>;
  struct SharedCounts {
    Counts whole, by_tensor;
    std::vector<Counts> by_context;
  };

  struct OnDevice;

  SequenceCut cut_;
  SharedCounts counts_;
  Counts token_counts_, text_counts_, token_begins_, text_begins_;
  std::shared_ptr<OnDevice> on_device_;
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
