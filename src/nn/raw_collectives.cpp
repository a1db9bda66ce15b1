#include "nn/raw_collectives.h"

#include <numeric>

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

// Elements or bytes of the ranks' rows.
RowCounts scaled(RowCounts counts, std::int64_t factor) {
  for (std::int64_t& count : counts) count *= factor;
  return counts;
}

std::int64_t row_elements(const at::Tensor& rows) {
  return std::accumulate(rows.sizes().begin() + 1, rows.sizes().end(), std::int64_t{1}, std::multiplies<>());
}

std::int64_t row_bytes(const at::Tensor& rows) {
  return row_elements(rows) * static_cast<std::int64_t>(rows.element_size());
}

std::span<float> floats_of(const at::Tensor& tensor) {
  return {tensor.mutable_data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

// Of every rank its contribution to my rows, added in rank order.
at::Tensor scatter_sum_by_exchange(const at::Tensor& rows, const RowCounts& counts,
                                   const comm::Group& group) {
  const std::int64_t mine = counts[static_cast<std::size_t>(group.rank())];
  const RowCounts same(counts.size(), mine);
  const at::Tensor contributions = exchange_rows(rows, counts, same, group);
  return contributions.unflatten(0, {group.size(), mine}).to(at::kFloat).sum(0).to(rows.scalar_type());
}

}  // namespace

std::span<std::byte> bytes_of(const at::Tensor& tensor) {
  return {static_cast<std::byte*>(tensor.mutable_data_ptr()), tensor.nbytes()};
}

at::Tensor gather_rows(const at::Tensor& rows, const RowCounts& counts, const comm::Group& group) {
  at::Tensor all = rows_like(rows, total(counts));
  const auto begin = std::reduce(counts.begin(), counts.begin() + group.rank());
  all.narrow(0, begin, counts[static_cast<std::size_t>(group.rank())]).copy_(rows);
  group.all_gather_parts(bytes_of(all), scaled(counts, row_bytes(rows)));
  return all;
}

at::Tensor scatter_sum_rows(const at::Tensor& rows, const RowCounts& counts, const comm::Group& group) {
  const at::Tensor dense = rows.contiguous();
  if (rows.scalar_type() != at::kFloat) return scatter_sum_by_exchange(dense, counts, group);
  at::Tensor mine = rows_like(rows, counts[static_cast<std::size_t>(group.rank())]);
  group.reduce_scatter_sum(floats_of(dense), scaled(counts, row_elements(rows)), floats_of(mine));
  return mine;
}

at::Tensor sum_over(const at::Tensor& partial, const comm::Group& group) {
  if (partial.scalar_type() != at::kFloat) {
    const RowCounts counts = even_counts(partial.numel(), group.size());
    const at::Tensor mine = scatter_sum_by_exchange(partial.contiguous().view(-1), counts, group);
    return gather_rows(mine, counts, group).view(partial.sizes());
  }
  at::Tensor sum = partial.clone(at::MemoryFormat::Contiguous);
  group.all_reduce_sum(floats_of(sum));
  return sum;
}

at::Tensor exchange_rows(const at::Tensor& out, const RowCounts& out_counts, const RowCounts& in_counts,
                         const comm::Group& group) {
  const at::Tensor dense = out.contiguous();
  at::Tensor in = rows_like(out, total(in_counts));
  const std::int64_t bytes = row_bytes(out);
  const RowCounts out_bytes = scaled(out_counts, bytes), in_bytes = scaled(in_counts, bytes);
  group.all_to_all({bytes_of(dense), out_bytes}, {bytes_of(in), in_bytes});
  return in;
}

comm::Transfer start_send(const at::Tensor& values, int to, const comm::Group& group) {
  return group.start_send(bytes_of(values), to);
}

comm::Transfer start_receive(const at::Tensor& room, int from, const comm::Group& group) {
  return group.start_receive(bytes_of(room), from);
}

void broadcast(const at::Tensor& values, int root, const comm::Group& group) {
  group.broadcast(bytes_of(values), root);
}

}  // namespace dfm::nn::raw
