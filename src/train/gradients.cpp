#include "train/gradients.h"

#include "nn/untouched_memory.h"
#include "train/optimizer_kernels.h"
#include "train/replicas.h"

namespace dfm::train {
namespace {

std::span<float> floats(const at::Tensor& tensor) {
  return {tensor.mutable_data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

}  // namespace

Gradients::Gradients(const nn::ParameterList& parameters, const ShardLayout& layout,
                     const comm::GridGroups& groups)
    : parameters_(parameters),
      layout_(layout),
      groups_(groups),
      sums_(parameters.all().size()),
      has_sum_(layout.buckets().size()) {
  if (groups.all.size() > 1 || parameters.units().size() > 1)
    owned_ = nn::untouched_zeros(layout.owned_count(), at::kFloat);
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
  return last.defined() ? last : at::zeros(which.placement.shape(), at::kFloat);
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
  groups_.shard.reduce_scatter_sum(floats(whole), bucket.counts, owned(bucket));
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
  std::span<float> out = owned(bucket);
  if (has_sum_[index]) {
    pending_.incoming = at::empty({static_cast<std::int64_t>(out.size())}, at::kFloat);
    out = floats(pending_.incoming);
  }
  has_sum_[index] = true;
  pending_.transfer = groups_.shard.start_reduce_scatter_sum(floats(pending_.whole), bucket.counts, out);
}

void Gradients::finish_pending() {
  pending_.transfer.wait();
  const at::Tensor& incoming = pending_.incoming;
  if (incoming.defined()) owned_.narrow(0, pending_.owned_offset, incoming.numel()).add_(incoming);
  pending_ = {};
}

// The gradients of a bucket side by side.
at::Tensor Gradients::take_bucket(const Bucket& bucket) {
  at::Tensor whole = at::zeros({bucket.count()}, at::kFloat);
  for (std::size_t i = bucket.first_parameter; i < bucket.last_parameter; ++i) {
    const std::int64_t offset = parameters_.offset(i) - bucket.buffer_begin;
    whole.narrow(0, offset, parameters_.all()[i].count()).copy_(source(i).reshape(-1));
    sums_[i].reset();
    parameters_.all()[i].value.mutable_grad().reset();
  }
  return whole;
}

std::span<float> Gradients::owned(const Bucket& bucket) const {
  return floats(owned_).subspan(static_cast<std::size_t>(bucket.owned_offset),
                                static_cast<std::size_t>(bucket.counts[groups_.shard.rank()]));
}

// Ranks with replicas own the same range of the bucket, and get the same bits.
void Gradients::reduce_replicas(const Bucket& bucket) {
  const nn::Placement& placement = parameters_.all()[bucket.first_parameter].placement;
  const std::span<float> mine = owned(bucket);
  if (groups_.shard_copies.size() > 1) groups_.shard_copies.all_reduce_sum(mine);
  if (placement.partial_over_tensor && groups_.tensor.size() > 1) groups_.tensor.all_reduce_sum(mine);
  if (placement.partial_over_pipeline && groups_.pipeline.size() > 1) groups_.pipeline.all_reduce_sum(mine);
}

at::Tensor Gradients::segment(const Segment& segment) const {
  if (owned_.defined()) return owned_.narrow(0, segment.owned_offset, segment.count);
  return source(segment.parameter).reshape(-1).narrow(0, segment.begin, segment.count);
}

double Gradients::squared_norm() const {
  std::vector<at::Tensor> mine;
  for (const Segment& part : layout_.segments()) {
    if (stands_for_replicas(parameters_.all()[part.parameter].placement, groups_))
      mine.push_back(segment(part));
  }
  return sum_of_squares(mine, parameters_.buffer().device()).item<double>();
}

std::int64_t Gradients::held_bytes() const { return owned_.defined() ? owned_.numel() * 4 : 0; }

void Gradients::clear() {
  finish_pending();
  has_sum_.assign(has_sum_.size(), false);
  for (at::Tensor& sum : sums_) sum.reset();
  for (const nn::Parameter& parameter : parameters_.all()) parameter.value.mutable_grad().reset();
}

}  // namespace dfm::train
