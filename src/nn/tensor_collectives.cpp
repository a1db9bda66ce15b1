#include "nn/tensor_collectives.h"

#include "comm/stage_links.h"
#include "nn/host_copy.h"

namespace dfm::nn::raw {
namespace {

std::span<std::byte> bytes_of(const at::Tensor& tensor) {
  return {static_cast<std::byte*>(tensor.mutable_data_ptr()), tensor.nbytes()};
}

PartCounts byte_counts(PartCounts counts, const at::Tensor& like) {
  for (std::int64_t& count : counts) count *= static_cast<std::int64_t>(like.element_size());
  return counts;
}

// Null: over MPI. Asked for by every rank of the group, or by none.
comm::DeviceChannel* channel_of(const at::Tensor& tensor, const comm::Group& group) {
  return tensor.is_cpu() ? nullptr : group.channel();
}

// Nothing of a device needs to move.
bool is_alone(const at::Tensor& tensor, const comm::Group& group) {
  return !tensor.is_cpu() && group.size() == 1;
}

// Of values in host memory that stood in for those of a device.
void bring_back(const at::Tensor& host, const at::Tensor& target) {
  if (!host.is_same(target)) target.copy_(host);
}

at::Tensor host_room(const at::Tensor& like) {
  return like.is_cpu() ? like : at::empty(like.sizes(), like.options().device(at::kCPU));
}

}  // namespace

void all_reduce_sum(const at::Tensor& values, const comm::Group& group) {
  if (auto* const channel = channel_of(values, group)) {
    group.channel_traffic().all_reduce_bytes += values.nbytes();
    return channel->all_reduce_sum(floats_of(values))();
  }
  if (is_alone(values, group)) return;
  const at::Tensor host = values.cpu();
  group.all_reduce_sum(floats_of(host));
  bring_back(host, values);
}

void reduce_scatter_sum(const at::Tensor& values, const PartCounts& counts, const at::Tensor& out,
                        const comm::Group& group) {
  if (!values.is_cpu()) return start_reduce_scatter_sum(values, counts, out, group).wait();
  group.reduce_scatter_sum(floats_of(values), counts, floats_of(out));
}

TensorTransfer start_reduce_scatter_sum(const at::Tensor& values, const PartCounts& counts,
                                        const at::Tensor& out, const comm::Group& group) {
  if (auto* const channel = channel_of(values, group)) {
    group.channel_traffic().reduce_scatter_bytes += values.nbytes();
    return {channel->reduce_scatter_sum(floats_of(values), counts, floats_of(out)), values, out};
  }
  if (is_alone(values, group)) {
    out.copy_(values);
    return {};
  }
  const at::Tensor leaving = values.cpu(), arriving = host_room(out);
  auto transfer = group.start_reduce_scatter_sum(floats_of(leaving), counts, floats_of(arriving));
  if (values.is_cpu()) return TensorTransfer(std::move(transfer));
  return {std::move(transfer), leaving, arriving, out};
}

void all_gather_parts(const at::Tensor& all, const PartCounts& counts, const comm::Group& group) {
  if (!all.is_cpu()) return start_all_gather_parts(all, counts, group).wait();
  group.all_gather_parts(bytes_of(all), byte_counts(counts, all));
}

TensorTransfer start_all_gather_parts(const at::Tensor& all, const PartCounts& counts,
                                      const comm::Group& group) {
  const PartCounts in_bytes = byte_counts(counts, all);
  if (auto* const channel = channel_of(all, group)) {
    group.channel_traffic().all_gather_bytes += all.nbytes();
    return {channel->all_gather_parts({bytes_of(all), in_bytes}), {}, all};
  }
  if (is_alone(all, group)) return {};
  const at::Tensor host = all.cpu();
  auto transfer = group.start_all_gather_parts(bytes_of(host), in_bytes);
  if (all.is_cpu()) return TensorTransfer(std::move(transfer));
  return {std::move(transfer), {}, host, all};
}

void all_to_all(const TensorParts& out, const TensorParts& in, const comm::Group& group) {
  if (!out.tensor.is_cpu()) return start_all_to_all(out, in, group).wait();
  group.all_to_all({bytes_of(out.tensor), byte_counts(out.counts, out.tensor)},
                   {bytes_of(in.tensor), byte_counts(in.counts, in.tensor)});
}

TensorTransfer start_all_to_all(const TensorParts& out, const TensorParts& in, const comm::Group& group) {
  const PartCounts out_bytes = byte_counts(out.counts, out.tensor),
                   in_bytes = byte_counts(in.counts, in.tensor);
  if (auto* const channel = channel_of(out.tensor, group)) {
    group.channel_traffic().all_to_all_bytes +=
        out.tensor.nbytes() - static_cast<std::uint64_t>(out_bytes[static_cast<std::size_t>(group.rank())]);
    return {channel->all_to_all({bytes_of(out.tensor), out_bytes}, {bytes_of(in.tensor), in_bytes}),
            out.tensor, in.tensor};
  }
  const at::Tensor leaving = out.tensor.cpu(), arriving = host_room(in.tensor);
  auto transfer = group.start_all_to_all({bytes_of(leaving), out_bytes}, {bytes_of(arriving), in_bytes});
  if (out.tensor.is_cpu()) return TensorTransfer(std::move(transfer));
  return {std::move(transfer), leaving, arriving, in.tensor};
}

void broadcast(const at::Tensor& values, int root, const comm::Group& group) {
  const at::Tensor host = values.cpu();
  group.broadcast(bytes_of(host), root);
  bring_back(host, values);
}

TensorTransfer start_exchange(const Message& out, const Message& in, const comm::Group& group) {
  if (auto* const channel = channel_of(out.tensor, group)) {
    if (out.rank != group.rank()) group.channel_traffic().sent_bytes += out.tensor.nbytes();
    return {channel->exchange(bytes_of(out.tensor), out.rank, bytes_of(in.tensor), in.rank), out.tensor,
            in.tensor};
  }
  const at::Tensor leaving = out.tensor.cpu(), arriving = host_room(in.tensor);
  auto transfer = group.start_exchange(bytes_of(leaving), out.rank, bytes_of(arriving), in.rank);
  if (out.tensor.is_cpu()) return TensorTransfer(std::move(transfer));
  return {std::move(transfer), leaving, arriving, in.tensor};
}

TensorTransfer start_send(const at::Tensor& values, const comm::Group& link) {
  const int to = comm::peer(link);
  if (auto* const channel = channel_of(values, link)) {
    link.channel_traffic().sent_bytes += values.nbytes();
    return {channel->send(bytes_of(values), to), values, {}};
  }
  const at::Tensor leaving = values.cpu();
  auto transfer = link.start_send(bytes_of(leaving), to);
  if (values.is_cpu()) return TensorTransfer(std::move(transfer));
  return {std::move(transfer), leaving, {}, {}};
}

TensorTransfer start_receive(const at::Tensor& room, const comm::Group& link) {
  const int from = comm::peer(link);
  if (auto* const channel = channel_of(room, link)) return {channel->receive(bytes_of(room), from), {}, room};
  const at::Tensor arriving = host_room(room);
  auto transfer = link.start_receive(bytes_of(arriving), from);
  if (room.is_cpu()) return TensorTransfer(std::move(transfer));
  return {std::move(transfer), {}, arriving, room};
}

}  // namespace dfm::nn::raw
