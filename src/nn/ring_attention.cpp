#include "nn/ring_attention.h"

#include <limits>
#include <numeric>

#include <torch/custom_class.h>

#include "nn/head_batches.h"
#include "nn/kernel_support.h"
#include "nn/raw_collectives.h"

namespace dfm::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Counts = std::vector<std::int64_t>;

struct Ring : torch::CustomClassHolder {
  Ring(std::vector<Counts> of, const comm::Group& over) : counts(std::move(of)), group(over) {}
  int size() const { return group.size(); }
  int neighbour(int steps) const { return (group.rank() + steps + size()) % size(); }
  const Counts& mine() const { return counts[static_cast<std::size_t>(group.rank())]; }
  // Whose block is here after `step` steps.
  const Counts& block(int step) const { return counts[static_cast<std::size_t>(neighbour(-step))]; }
  std::int64_t rows(int step) const { return std::reduce(block(step).begin(), block(step).end()); }

  std::vector<Counts> counts;
  const comm::Group& group;
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

// out [H, S, d] and its log-sum-exp [H, S, 1] so far, both float32, with a block's keys and values added.
void add_block(const at::Tensor& q, const at::Tensor& kv, const std::vector<EqualRun>& runs,
               const at::Tensor& out, const at::Tensor& lse) {
  const auto wide = product_type(q.scalar_type());
  const std::int64_t sharing = q.size(0) / kv.size(1);
  for (const EqualRun& run : runs) {
    const auto [part, part_lse] = at::_scaled_dot_product_flash_attention_for_cpu(
        query_batch(q, run).to(wide), spread_heads(key_batch(kv[0], run).to(wide), sharing),
        spread_heads(key_batch(kv[1], run).to(wide), sharing));
    const at::Tensor so_far = query_batch(out, run), so_far_lse = query_batch(lse, run);
    const at::Tensor added_lse = part_lse.to(at::kFloat).unsqueeze(-1);
    const at::Tensor both = at::logaddexp(so_far_lse, added_lse);
    so_far.mul_((so_far_lse - both).exp()).add_(part.to(at::kFloat) * (added_lse - both).exp());
    so_far_lse.copy_(both);
  }
}

struct RingAttention : torch::autograd::Function<RingAttention> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v, const c10::intrusive_ptr<torch::CustomClassHolder>& held) {
    const auto& ring = static_cast<const Ring&>(*held);
    const auto floats = q.options().dtype(at::kFloat);
    const at::Tensor out = at::zeros(q.sizes(), floats);
    const at::Tensor lse =
        at::full({q.size(0), q.size(1), 1}, -std::numeric_limits<float>::infinity(), floats);
    at::Tensor block = at::stack({k, v});
    for (int step = 0; step < ring.size(); ++step) {
      std::optional<Passing> passing;
      if (step + 1 < ring.size()) passing.emplace(ring, block, step + 1);
      add_block(q, block, runs_with_tokens(ring.mine(), ring.block(step)), out, lse);
      if (passing) block = passing->received();
    }
    const at::Tensor result = out.to(q.scalar_type());
    context->save_for_backward({q, k, v, result, lse});
    context->saved_data["ring"] = c10::IValue::make_capsule(held);
    return result.transpose(0, 1).flatten(1);
  }

  // With the whole row's log-sum-exp, a block's part of the gradient is its own kernel's.
  static at::Tensor block_gradient(const variable_list& saved, const at::Tensor& dout,
                                   const at::Tensor& block, const std::vector<EqualRun>& runs,
                                   const at::Tensor& dq) {
    const auto wide = product_type(dout.scalar_type());
    const at::Tensor dblock = at::zeros(block.sizes(), block.options().dtype(at::kFloat));
    const std::int64_t sharing = dout.size(0) / block.size(1);
    for (const EqualRun& run : runs) {
      const auto [part_q, part_k, part_v] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
          query_batch(dout, run).to(wide), query_batch(saved[0], run).to(wide),
          spread_heads(key_batch(block[0], run).to(wide), sharing),
          spread_heads(key_batch(block[1], run).to(wide), sharing), query_batch(saved[3], run).to(wide),
          query_batch(saved[4], run).squeeze(-1), 0.0, false);
      query_batch(dq, run).add_(part_q);
      key_batch(dblock[0], run).copy_(gathered_heads(part_k, sharing));
      key_batch(dblock[1], run).copy_(gathered_heads(part_v, sharing));
    }
    return dblock;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto held = context->saved_data["ring"].toCapsule();
    const auto& ring = static_cast<const Ring&>(*held);
    const at::Tensor& q = saved[0];
    const at::Tensor dout = gradients[0].unflatten(1, {q.size(0), q.size(2)}).transpose(0, 1).contiguous();
    const at::Tensor dq = at::zeros(q.sizes(), q.options().dtype(at::kFloat));
    at::Tensor block = at::stack({saved[1], saved[2]}), own, gathered;
    for (int step = 0; step < ring.size(); ++step) {
      std::optional<Passing> passing, gradient;
      if (step + 1 < ring.size()) passing.emplace(ring, block, step + 1);
      if (step > 1) gradient.emplace(ring, gathered, step);
      const at::Tensor part =
          block_gradient(saved, dout, block, runs_with_tokens(ring.mine(), ring.block(step)), dq);
      if (step == 0) own = part;
      if (step == 1) gathered = part;
      if (gradient) gathered = gradient->received().add_(part);
      if (passing) block = passing->received();
    }
    if (ring.size() > 1) own.add_(Passing(ring, gathered, ring.size()).received());
    return {dq.to(q.scalar_type()), own[0].to(q.scalar_type()), own[1].to(q.scalar_type()), {}};
  }
};

}  // namespace

at::Tensor ring_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                          const std::vector<std::vector<std::int64_t>>& counts, const comm::Group& group) {
  const c10::intrusive_ptr<torch::CustomClassHolder> ring = c10::make_intrusive<Ring>(counts, group);
  return RingAttention::apply(q, k, v, ring);
}

}  // namespace dfm::nn
