#include "nn/pack.h"

#include <algorithm>
#include <mutex>
#include <numeric>

#include "core/error.h"
#include "core/even_cut.h"
#include "nn/host_copy.h"

namespace dfm::nn {
namespace {

std::vector<std::int64_t> begins_of(const std::vector<std::int64_t>& counts) {
  std::vector<std::int64_t> begins(counts.size() + 1, 0);
  std::partial_sum(counts.begin(), counts.end(), begins.begin() + 1);
  return begins;
}

std::int64_t sum_of(const std::vector<std::int64_t>& counts) {
  return std::reduce(counts.begin(), counts.end());
}

// Of runs one behind the other, what lies in the range of their elements.
std::vector<std::int64_t> counts_within(const std::vector<std::int64_t>& counts, const Range& range) {
  std::vector<std::int64_t> inside;
  std::int64_t begin = 0;
  for (const std::int64_t count : counts) {
    const std::int64_t from = std::max(begin, range.begin), to = std::min(begin + count, range.end());
    inside.push_back(std::max<std::int64_t>(to - from, 0));
    begin += count;
  }
  return inside;
}

// A tensor that is made once a layout: on the CPU, then wherever it is asked for. The backward pass asks from
// threads of its own.
class Kept {
 public:
  template <class Make>
  at::Tensor on(const at::Device& device, const Make& make) {
    const std::lock_guard lock(mutex_);
    if (!tensor_.defined() || tensor_.device() != device) tensor_ = to_device(make(), device);
    return tensor_;
  }

 private:
  std::mutex mutex_;
  at::Tensor tensor_;
};

}  // namespace

struct PackLayout::OnDevice {
  Kept token_begins, sample_of_token;
};

PackLayout::PackLayout(std::vector<std::int64_t> token_counts, std::vector<std::int64_t> text_counts)
    : counts_{token_counts, {sum_of(token_counts)}, {token_counts}},
      token_counts_(std::move(token_counts)),
      text_counts_(std::move(text_counts)),
      token_begins_(begins_of(token_counts_)),
      text_begins_(begins_of(text_counts_)),
      on_device_(std::make_shared<OnDevice>()) {
  ensure(token_counts_.size() == text_counts_.size(), "every sample of a pack has tokens and a text");
  const auto is_empty = [](std::int64_t count) { return count <= 0; };
  ensure(std::ranges::none_of(token_counts_, is_empty) && std::ranges::none_of(text_counts_, is_empty),
         "a packed sample is never empty");
}

PackLayout PackLayout::share(const SequenceCut& cut) const {
  PackLayout mine = *this;
  mine.cut_ = cut;
  mine.counts_.by_context.clear();
  for (int rank = 0; rank < cut.context_ranks; ++rank) {
    std::vector<std::int64_t>& counts = mine.counts_.by_context.emplace_back();
    for (const std::int64_t tokens : counts_.whole) {
      counts.push_back(even_cut(tokens, cut.context_ranks, rank).count);
    }
  }
  const std::int64_t rows = sum_of(mine.attention_counts());
  mine.counts_.by_tensor = even_counts(rows, cut.tensor_ranks);
  mine.token_counts_ =
      counts_within(mine.attention_counts(), even_cut(rows, cut.tensor_ranks, cut.tensor_rank));
  mine.token_begins_ = begins_of(mine.token_counts_);
  mine.on_device_ = std::make_shared<OnDevice>();
  return mine;
}

namespace {

// The number of the sample for each of its tokens.
at::Tensor sample_numbers(const std::vector<std::int64_t>& counts) {
  return at::repeat_interleave(at::tensor(counts, at::kLong));
}

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Rows by number, on a device: LibTorch's own gradient of it adds atomically, in any order. As a product with
// a matrix of zeros and ones it is always the same.
struct RowsByNumber : torch::autograd::Function<RowsByNumber> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& rows, const at::Tensor& numbers) {
    context->save_for_backward({numbers});
    context->saved_data["rows"] = rows.size(0);
    return rows.index_select(0, numbers);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const at::Tensor numbers = context->get_saved_variables()[0], dy = gradients[0].flatten(1);
    const at::Tensor all = at::arange(context->saved_data["rows"].toInt(), numbers.options()).unsqueeze(1);
    std::vector<std::int64_t> shape = gradients[0].sizes().vec();
    shape[0] = all.size(0);
    return {all.eq(numbers).to(dy.scalar_type()).mm(dy).view(shape), {}};
  }
};

}  // namespace

at::Tensor PackLayout::token_begins_on(const at::Device& device) const {
  return on_device_->token_begins.on(device, [&] { return at::tensor(token_begins_); });
}

PackLayout PackLayout::with_text_counts(std::vector<std::int64_t> text_counts) const {
  PackLayout other = *this;
  other.text_counts_ = std::move(text_counts);
  other.text_begins_ = begins_of(other.text_counts_);
  return other;
}

std::vector<std::int64_t> PackLayout::context_row_counts() const {
  std::vector<std::int64_t> rows;
  for (const Counts& of_rank : counts_.by_context) rows.push_back(sum_of(of_rank));
  return rows;
}

at::Tensor PackLayout::whole_rows(const at::Tensor& shares) const {
  std::vector<std::int64_t> begins = begins_of(context_row_counts());
  std::vector<at::Tensor> parts{shares.narrow(0, 0, 0)};
  for (std::size_t sample = 0; sample < counts_.whole.size(); ++sample) {
    for (std::size_t rank = 0; rank < counts_.by_context.size(); ++rank) {
      const std::int64_t tokens = counts_.by_context[rank][sample];
      parts.push_back(shares.narrow(0, begins[rank], tokens));
      begins[rank] += tokens;
    }
  }
  return at::cat(parts);
}

at::Tensor PackLayout::attention_rows(const at::Tensor& whole) const {
  if (cut_.context_ranks == 1 || counts_.whole.empty()) return whole;
  std::vector<at::Tensor> parts;
  std::int64_t begin = 0;
  for (const std::int64_t tokens : counts_.whole) {
    const Range mine = even_cut(tokens, cut_.context_ranks, cut_.context_rank);
    parts.push_back(whole.narrow(0, begin + mine.begin, mine.count));
    begin += tokens;
  }
  return at::cat(parts);
}

at::Tensor PackLayout::own_rows(const at::Tensor& whole) const {
  const at::Tensor rows = attention_rows(whole);
  const Range mine = even_cut(rows.size(0), cut_.tensor_ranks, cut_.tensor_rank);
  return rows.narrow(0, mine.begin, mine.count);
}

at::Tensor PackLayout::per_token(const at::Tensor& per_sample) const {
  const at::Tensor numbers =
      on_device_->sample_of_token.on(per_sample.device(), [&] { return sample_numbers(token_counts_); });
  const bool has_gradient = at::GradMode::is_enabled() && per_sample.requires_grad();
  if (per_sample.is_cpu() || !has_gradient) return per_sample.index_select(0, numbers);
  return RowsByNumber::apply(per_sample, numbers);
}

at::Tensor PackLayout::per_text_row(const at::Tensor& per_sample) const {
  return per_sample.index_select(0, to_device(sample_numbers(text_counts_), per_sample.device()));
}

std::vector<EqualRun> equal_runs(const std::vector<std::int64_t>& query_counts,
                                 const std::vector<std::int64_t>& key_counts) {
  std::vector<EqualRun> runs;
  std::int64_t query_begin = 0, key_begin = 0;
  for (std::size_t i = 0; i < query_counts.size(); ++i) {
    const bool joins = !runs.empty() && runs.back().query_length == query_counts[i] &&
                       runs.back().key_length == key_counts[i];
    if (joins) {
      ++runs.back().samples;
    } else {
      runs.push_back(
          {static_cast<std::int64_t>(i), 1, query_begin, query_counts[i], key_begin, key_counts[i]});
    }
    query_begin += query_counts[i];
    key_begin += key_counts[i];
  }
  return runs;
}

std::vector<EqualRun> runs_with_tokens(const std::vector<std::int64_t>& query_counts,
                                       const std::vector<std::int64_t>& key_counts) {
  std::vector<EqualRun> runs = equal_runs(query_counts, key_counts);
  std::erase_if(runs, [](const EqualRun& run) { return run.query_length == 0 || run.key_length == 0; });
  return runs;
}

std::vector<TokenBlock> token_blocks(const std::vector<std::int64_t>& begins) {
  static constexpr std::int64_t kTokensInBlock = 64;
  std::vector<TokenBlock> blocks;
  for (std::size_t sample = 0; sample + 1 < begins.size(); ++sample) {
    for (std::int64_t begin = begins[sample]; begin < begins[sample + 1]; begin += kTokensInBlock) {
      blocks.push_back(
          {static_cast<std::int64_t>(sample), begin, std::min(begin + kTokensInBlock, begins[sample + 1])});
    }
  }
  return blocks;
}

}  // namespace dfm::nn
