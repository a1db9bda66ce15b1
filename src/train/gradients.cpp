#include "train/gradients.h"

#include "nn/tensor_collectives.h"
#include "nn/untouched_memory.h"
#include "train/optimizer_kernels.h"
#include "train/replicas.h"

namespace dfm::train {
Gradients::Gradients(const nn::ParameterList& parameters, const ShardLayout& layout,
                     const comm::GridGroups& groups)
    : parameters_(parameters),
      layout_(layout),
      groups_(groups),
      sums_(parameters.all().size()),
      has_sum_(layout.buckets().size()) {
  if (groups.all.size() > 1 || parameters.units().size() > 1)
    owned_ = nn::untouched_zeros(layout.owned_count(), at::kFloat, parameters.device());
}

void Gradients::collect() {
  if (parameters_.buffer().scalar_type() == at::kFloat) return;
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    at::Tensor& gradient = parameters_.all()[i].value.mutable_grad();
    if (!gradient.defined()) continue;
    if (sums_[i].defined()) {
      sums_[i].add_(gradient);
    } else {
      sums_[i] = gradient.to(at::kFloat);
    }
    gradient.reset();
  }
}

// The gradient of this rank, before or after reduce: the sum of micro-batches, the only micro-batch, or zeros
// for a parameter that no loss reached.
at::Tensor Gradients::source(std::size_t parameter) const {
  const nn::Parameter& which = parameters_.all()[parameter];
  const at::Tensor& last = which.value.grad();
  if (sums_[parameter].defined()) return sums_[parameter];
  return last.defined() ? last : at::zeros(which.placement.shape(), which.value.options().dtype(at::kFloat));
}

void Gradients::reduce() {
  bool several = false;
  for (const at::Tensor& sum : sums_) several = several || sum.defined();
  if (several) collect();
  if (!owned_.defined()) return;
  finish_pending();
  for (const Bucket& bucket : layout_.buckets()) {
    if (bucket.first_parameter < parameters_.units().front().last) reduce_bucket(bucket);
    reduce_replicas(bucket);
  }
}

void Gradients::reduce_bucket(const Bucket& bucket) {
  const at::Tensor whole = take_bucket(bucket);
  nn::raw::reduce_scatter_sum(whole, bucket.counts, owned(bucket), shard_of(bucket));
}

void Gradients::begin_unit(std::size_t unit) {
  const nn::ParameterUnit& which = parameters_.units().at(unit);
  for (std::size_t i = 0; i < layout_.buckets().size(); ++i) {
    const Bucket& bucket = layout_.buckets()[i];
    if (bucket.first_parameter >= which.first && bucket.first_parameter < which.last) begin_bucket(i);
  }
}

// One at a time is on its way, so that the memory is bounded.
void Gradients::begin_bucket(std::size_t index) {
  const Bucket& bucket = layout_.buckets()[index];
  finish_pending();
  pending_.whole = take_bucket(bucket);
  pending_.owned_offset = bucket.owned_offset;
  at::Tensor out = owned(bucket);
  if (has_sum_[index]) out = pending_.incoming = at::empty_like(out);
  has_sum_[index] = true;
  pending_.transfer = nn::raw::start_reduce_scatter_sum(pending_.whole, bucket.counts, out, shard_of(bucket));
}

void Gradients::finish_pending() {
  pending_.transfer.wait();
  const at::Tensor& incoming = pending_.incoming;
  if (incoming.defined()) owned_.narrow(0, pending_.owned_offset, incoming.numel()).add_(incoming);
  pending_ = {};
}

// The gradients of a bucket side by side.
at::Tensor Gradients::take_bucket(const Bucket& bucket) {
  at::Tensor whole = at::zeros({bucket.count()}, owned_.options());
  for (std::size_t i = bucket.first_parameter; i < bucket.last_parameter; ++i) {
    const std::int64_t offset = parameters_.offset(i) - bucket.buffer_begin;
    whole.narrow(0, offset, parameters_.all()[i].count()).copy_(source(i).reshape(-1));
    sums_[i].reset();
    parameters_.all()[i].value.mutable_grad().reset();
  }
  return whole;
}

const nn::Placement& Gradients::placement_of(const Bucket& bucket) const {
  return parameters_.all()[bucket.first_parameter].placement;
}

const comm::Group& Gradients::shard_of(const Bucket& bucket) const {
  return train::shard_of(placement_of(bucket), groups_);
}

at::Tensor Gradients::owned(const Bucket& bucket) const {
  return owned_.narrow(0, bucket.owned_offset,
                       bucket.counts[static_cast<std::size_t>(shard_of(bucket).rank())]);
}

// Ranks with replicas own the same range of the bucket, and get the same bits.
void Gradients::reduce_replicas(const Bucket& bucket) {
  const nn::Placement& placement = placement_of(bucket);
  const at::Tensor mine = owned(bucket);
  const auto add_up = [&mine](const comm::Group& group) {
    if (group.size() > 1) nn::raw::all_reduce_sum(mine, group);
  };
  add_up(copies_of(placement, groups_));
  if (placement.partial_over_tensor) add_up(groups_.tensor);
  if (placement.partial_over_pipeline) add_up(groups_.pipeline);
}

at::Tensor Gradients::segment(const Segment& segment) const {
  if (owned_.defined()) return owned_.narrow(0, segment.owned_offset, segment.count);
  return source(segment.parameter).reshape(-1).narrow(0, segment.begin, segment.count);
}

at::Tensor Gradients::squared_norm() const {
  std::vector<at::Tensor> mine;
  for (const Segment& part : layout_.segments()) {
    if (stands_for_replicas(parameters_.all()[part.parameter].placement, groups_))
      mine.push_back(segment(part));
  }
  return sum_of_squares(mine, parameters_.device());
}

std::int64_t Gradients::held_bytes() const { return owned_.defined() ? owned_.numel() * 4 : 0; }

void Gradients::clear() {
  finish_pending();
  has_sum_.assign(has_sum_.size(), false);
  for (at::Tensor& sum : sums_) sum.reset();
  for (const nn::Parameter& parameter : parameters_.all()) parameter.value.mutable_grad().reset();
}

}  // namespace dfm::train
