#include "nn/head_exchange.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "core/even_cut.h"
#include "nn/collectives.h"

namespace dfm::nn {
namespace {

RowCounts scaled(RowCounts counts, std::int64_t factor) {
  for (std::int64_t& count : counts) count *= factor;
  return counts;
}

// Who holds which tokens before the exchange, and which groups of heads after it.
struct Exchange {
  Exchange(const std::vector<RowCounts>& of, std::int64_t groups, const comm::Group& among)
      : counts(of), groups_of_rank(even_counts(groups, among.size())), group(among) {
    ensure(groups >= among.size(), "every rank of an exchange of heads gets some of them");
    for (const RowCounts& each : counts) tokens_of_rank.push_back(std::reduce(each.begin(), each.end()));
  }
  std::size_t ranks() const { return counts.size(); }
  std::int64_t my_tokens() const { return tokens_of_rank[static_cast<std::size_t>(group.rank())]; }
  std::int64_t my_groups() const { return groups_of_rank[static_cast<std::size_t>(group.rank())]; }

  const std::vector<RowCounts>& counts;
  RowCounts tokens_of_rank, groups_of_rank;
  const comm::Group& group;
};

// Pieces of samples, those of each rank together or those of each sample together.
enum class Order { by_rank, by_sample };

// Brings dimension `dim` of x, pieces in the order `from`, into the other order.
at::Tensor reordered(const at::Tensor& x, std::int64_t dim, const std::vector<RowCounts>& counts,
                     Order from) {
  const std::size_t ranks = counts.size(), samples = counts.front().size();
  const bool by_rank = from == Order::by_rank;
  const auto index = [&](std::size_t rank, std::size_t sample, bool ranks_first) {
    return ranks_first ? rank * samples + sample : sample * ranks + rank;
  };
  RowCounts sizes(ranks * samples);
  for (std::size_t r = 0; r < ranks; ++r)
    for (std::size_t i = 0; i < samples; ++i) sizes[index(r, i, by_rank)] = counts[r][i];
  const auto pieces = x.split_with_sizes(sizes, dim);
  std::vector<at::Tensor> moved(pieces.size());
  for (std::size_t r = 0; r < ranks; ++r)
    for (std::size_t i = 0; i < samples; ++i) moved[index(r, i, !by_rank)] = pieces[index(r, i, by_rank)];
  return at::cat(moved, dim);
}

// [G, m, my tokens, d] -> [my groups, m, all tokens, d].
at::Tensor to_heads(const at::Tensor& x, const Exchange& exchange) {
  const std::int64_t parts = x.size(1), width = x.size(3);
  const RowCounts out = scaled(exchange.groups_of_rank, parts * exchange.my_tokens());
  const RowCounts in = scaled(exchange.tokens_of_rank, parts * exchange.my_groups());
  const auto received = exchange_rows(x.flatten(0, 2), out, in, exchange.group).split_with_sizes(in);
  std::vector<at::Tensor> of_ranks;
  for (std::size_t r = 0; r < exchange.ranks(); ++r) {
    of_ranks.push_back(received[r].view({exchange.my_groups(), parts, exchange.tokens_of_rank[r], width}));
  }
  return reordered(at::cat(of_ranks, 2), 2, exchange.counts, Order::by_rank);
}

// [all tokens, my heads * d] -> [my tokens, all heads * d].
at::Tensor to_tokens(const at::Tensor& x, std::int64_t heads_in_group, std::int64_t width,
                     const Exchange& exchange) {
  const std::int64_t heads = heads_in_group * exchange.my_groups();
  const RowCounts out = scaled(exchange.tokens_of_rank, heads);
  const RowCounts in = scaled(exchange.groups_of_rank, heads_in_group * exchange.my_tokens());
  const at::Tensor by_rank = reordered(x, 0, exchange.counts, Order::by_sample);
  const auto received =
      exchange_rows(by_rank.reshape({-1, width}), out, in, exchange.group).split_with_sizes(in);
  std::vector<at::Tensor> of_ranks;
  for (std::size_t r = 0; r < exchange.ranks(); ++r) {
    const std::int64_t features = exchange.groups_of_rank[r] * heads_in_group * width;
    of_ranks.push_back(received[r].view({exchange.my_tokens(), features}));
  }
  return at::cat(of_ranks, 1);
}

}  // namespace

at::Tensor attention_by_heads(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                              const std::vector<std::vector<std::int64_t>>& counts, const comm::Group& group,
                              const Attend& attend) {
  const Exchange exchange(counts, k.size(0), group);
  const std::int64_t queries = q.size(0) / k.size(0), width = q.size(2);
  const at::Tensor together =
      at::cat({q.unflatten(0, {k.size(0), queries}), k.unsqueeze(1), v.unsqueeze(1)}, 1);
  const auto parts = to_heads(together, exchange).split_with_sizes({queries, 1, 1}, 1);
  const at::Tensor attended = attend(parts[0].flatten(0, 1), parts[1].squeeze(1), parts[2].squeeze(1));
  return to_tokens(attended, queries, width, exchange);
}

}  // namespace dfm::nn
