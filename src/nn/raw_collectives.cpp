#include "nn/raw_collectives.h"

#include <numeric>
#include <utility>

#include "core/even_cut.h"

namespace dfm::nn::raw {
namespace {

// A tensor of `rows` rows like those of `like`.
at::Tensor rows_like(const at::Tensor& like, std::int64_t rows) {
  std::vector<std::int64_t> shape = like.sizes().vec();
  shape[0] = rows;
  return at::empty(shape, like.options());
}

std::int64_t total(const RowCounts& counts) { return std::reduce(counts.begin(), counts.end()); }

// Elements of the ranks' rows.
RowCounts scaled(RowCounts counts, std::int64_t factor) {
  for (std::int64_t& count : counts) count *= factor;
  return counts;
}

std::int64_t row_elements(const at::Tensor& rows) {
  return std::accumulate(rows.sizes().begin() + 1, rows.sizes().end(), std::int64_t{1}, std::multiplies<>());
}

std::int64_t own(const RowCounts& counts, const comm::Group& group) {
  return counts[static_cast<std::size_t>(group.rank())];
}

// Of what every rank contributes to my rows, one rank behind the other: added in rank order.
at::Tensor summed(const at::Tensor& contributions, std::int64_t ranks) {
  const std::int64_t mine = contributions.size(0) / ranks;
  return contributions.unflatten(0, {ranks, mine}).to(at::kFloat).sum(0).to(contributions.scalar_type());
}

at::Tensor scatter_sum_by_exchange(const at::Tensor& rows, const RowCounts& counts,
                                   const comm::Group& group) {
  const RowCounts same(counts.size(), own(counts, group));
  return summed(exchange_rows(rows, counts, same, group), group.size());
}

// The rows of all, of which this rank's are there.
at::Tensor own_among_all(const at::Tensor& rows, const RowCounts& counts, const comm::Group& group) {
  at::Tensor all = rows_like(rows, total(counts));
  const auto begin = std::reduce(counts.begin(), counts.begin() + group.rank());
  all.narrow(0, begin, own(counts, group)).copy_(rows);
  return all;
}

}  // namespace

at::Tensor gather_rows(const at::Tensor& rows, const RowCounts& counts, const comm::Group& group) {
  at::Tensor all = own_among_all(rows, counts, group);
  all_gather_parts(all, scaled(counts, row_elements(rows)), group);
  return all;
}

at::Tensor scatter_sum_rows(const at::Tensor& rows, const RowCounts& counts, const comm::Group& group) {
  const at::Tensor dense = rows.contiguous();
  if (rows.scalar_type() != at::kFloat) return scatter_sum_by_exchange(dense, counts, group);
  at::Tensor mine = rows_like(rows, own(counts, group));
  reduce_scatter_sum(dense, scaled(counts, row_elements(rows)), mine, group);
  return mine;
}

at::Tensor sum_over(const at::Tensor& partial, const comm::Group& group) {
  if (partial.scalar_type() != at::kFloat) {
    const RowCounts counts = even_counts(partial.numel(), group.size());
    const at::Tensor mine = scatter_sum_by_exchange(partial.contiguous().view(-1), counts, group);
    return gather_rows(mine, counts, group).view(partial.sizes());
  }
  at::Tensor sum = partial.clone(at::MemoryFormat::Contiguous);
  all_reduce_sum(sum, group);
  return sum;
}

at::Tensor exchange_rows(const at::Tensor& out, const RowCounts& out_counts, const RowCounts& in_counts,
                         const comm::Group& group) {
  const at::Tensor dense = out.contiguous();
  at::Tensor in = rows_like(out, total(in_counts));
  const std::int64_t of_row = row_elements(out);
  all_to_all({dense, scaled(out_counts, of_row)}, {in, scaled(in_counts, of_row)}, group);
  return in;
}

GatheringRows::GatheringRows(const at::Tensor& rows, const RowCounts& counts, const comm::Group& group)
    : all_(own_among_all(rows, counts, group)),
      transfer_(start_all_gather_parts(all_, scaled(counts, row_elements(rows)), group)) {}

at::Tensor GatheringRows::finish() {
  transfer_.wait();
  return std::exchange(all_, {});
}

// Narrow elements are exchanged, as by scatter_sum_rows.
ScatteringSums::ScatteringSums(const at::Tensor& rows, const RowCounts& counts, const comm::Group& group)
    : leaving_(rows.contiguous()), ranks_(group.size()) {
  const std::int64_t mine = own(counts, group);
  const RowCounts parts = scaled(counts, row_elements(rows));
  if (rows.scalar_type() == at::kFloat) {
    arriving_ = rows_like(rows, mine);
    transfer_ = start_reduce_scatter_sum(leaving_, parts, arriving_, group);
  } else {
    arriving_ = rows_like(rows, mine * ranks_);
    const RowCounts same(counts.size(), mine * row_elements(rows));
    transfer_ = start_all_to_all({leaving_, parts}, {arriving_, same}, group);
  }
}

ExchangingRows::ExchangingRows(const at::Tensor& rows, const RowCounts& out_counts,
                               const RowCounts& in_counts, const comm::Group& group)
    : leaving_(rows.contiguous()), arriving_(rows_like(rows, total(in_counts))) {
  const std::int64_t of_row = row_elements(rows);
  transfer_ =
      start_all_to_all({leaving_, scaled(out_counts, of_row)}, {arriving_, scaled(in_counts, of_row)}, group);
}

at::Tensor ExchangingRows::finish() {
  transfer_.wait();
  leaving_.reset();
  return std::exchange(arriving_, {});
}

at::Tensor ScatteringSums::finish() {
  transfer_.wait();
  leaving_.reset();
  const at::Tensor arrived = std::exchange(arriving_, {});
  return arrived.scalar_type() == at::kFloat ? arrived : summed(arrived, ranks_);
}

}  // namespace dfm::nn::raw
