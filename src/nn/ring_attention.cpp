#include "nn/ring_attention.h"

#include <algorithm>
#include <numeric>

#include "nn/attention_choice.h"
#include "nn/held.h"
#include "nn/host_copy.h"
#include "nn/raw_collectives.h"
#include "nn/ring_blocks.h"

namespace dfm::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Counts = std::vector<std::int64_t>;

struct Ring {
  Ring(const std::vector<Counts>& counts, const comm::Group& over, const at::Device& device)
      : mine(counts[static_cast<std::size_t>(over.rank())]), going(counts_going_round(counts)), group(over) {
    if (mine != block(0)) leaving = to_device(rows_leaving(), device);
  }
  int size() const { return group.size(); }
  int neighbour(int steps) const { return (group.rank() + steps + size()) % size(); }
  // What goes round of the rank whose block is here after `step` steps.
  const Counts& block(int step) const { return going[static_cast<std::size_t>(neighbour(-step))]; }
  BlockCounts counts_at(int step) const { return {mine, step == 0 ? mine : block(step)}; }
  std::int64_t rows(int step) const { return std::reduce(block(step).begin(), block(step).end()); }

  at::Tensor rows_leaving() const {
    std::vector<at::Tensor> runs{at::empty({0}, at::kLong)};
    std::int64_t begin = 0;
    for (std::size_t i = 0; i < mine.size(); ++i) {
      if (block(0)[i] > 0) runs.push_back(at::arange(begin, begin + mine[i]));
      begin += mine[i];
    }
    return at::cat(runs);
  }
  // Of this rank's kv [2, G, S, d] the part that goes round, and its gradient back.
  at::Tensor leave(const at::Tensor& kv) const {
    return leaving.defined() ? kv.index_select(2, leaving) : kv;
  }
  void come_back(const at::Tensor& own, const at::Tensor& gradient) const {
    if (leaving.defined()) {
      own.index_add_(2, leaving, gradient);
    } else {
      own.add_(gradient);
    }
  }

  Counts mine;
  std::vector<Counts> going;
  const comm::Group& group;
  at::Tensor leaving;  // [S] int64; undefined: all rows
};

// Sends `out` on while it is computed with; what arrives is the block of the step given.
struct Passing {
  Passing(const Ring& ring, const at::Tensor& out, int step) : sent(out) {
    std::vector<std::int64_t> shape = out.sizes().vec();
    shape[2] = ring.rows(step);
    arriving = at::empty(shape, out.options());
    transfer = raw::start_exchange({sent, ring.neighbour(1)}, {arriving, ring.neighbour(-1)}, ring.group);
  }
  at::Tensor received() {
    transfer.wait();
    return arriving;
  }

  at::Tensor sent, arriving;
  TensorTransfer transfer;
};

struct RingAttention : torch::autograd::Function<RingAttention> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v, const Holder& held) {
    const auto& ring = value_in<Ring>(held);
    const PartialAttention attended = nothing_attended(q);
    at::Tensor block = at::stack({k, v});
    for (int step = 0; step < ring.size(); ++step) {
      std::optional<Passing> passing;
      if (step + 1 < ring.size()) passing.emplace(ring, step == 0 ? ring.leave(block) : block, step + 1);
      add_block(q, block, ring.counts_at(step), attended);
      if (passing) block = passing->received();
    }
    const at::Tensor result = attended.out.to(q.scalar_type());
    context->save_for_backward({q, k, v, result, attended.log_sum_exp});
    keep(context, held);
    return result.transpose(0, 1).flatten(1);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto& ring = kept<Ring>(context);
    const at::Tensor& q = saved[0];
    const at::Tensor dout = gradients[0].contiguous().unflatten(1, {q.size(0), q.size(2)}).transpose(0, 1);
    const at::Tensor dq = float_zeros_like(q);
    const RingGradient of{q, attends_by_kernels(q) ? dout : dout.contiguous(), {saved[3], saved[4]}, dq};
    at::Tensor block = at::stack({saved[1], saved[2]}), own, gathered;
    for (int step = 0; step < ring.size(); ++step) {
      std::optional<Passing> passing, gradient;
      if (step + 1 < ring.size()) passing.emplace(ring, step == 0 ? ring.leave(block) : block, step + 1);
      if (step > 1) gradient.emplace(ring, gathered, step);
      const at::Tensor part = block_gradient(of, block, ring.counts_at(step));
      if (step == 0) own = part;
      if (step == 1) gathered = part;
      if (gradient) gathered = gradient->received().add_(part);
      if (passing) block = passing->received();
    }
    if (ring.size() > 1) ring.come_back(own, Passing(ring, gathered, ring.size()).received());
    return {dq.to(q.scalar_type()), own[0].to(q.scalar_type()), own[1].to(q.scalar_type()), {}};
  }
};

}  // namespace

std::vector<Counts> counts_going_round(std::vector<Counts> counts) {
  for (std::size_t i = 0; i < counts.front().size(); ++i) {
    const auto has = [i](const Counts& of_rank) { return of_rank[i] > 0; };
    if (std::ranges::count_if(counts, has) > 1) continue;
    for (Counts& of_rank : counts) of_rank[i] = 0;
  }
  return counts;
}

at::Tensor ring_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                          const std::vector<std::vector<std::int64_t>>& counts, const comm::Group& group) {
  return RingAttention::apply(q, k, v, hold(Ring(counts, group, q.device())));
}

}  // namespace dfm::nn
