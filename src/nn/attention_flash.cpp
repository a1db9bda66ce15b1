// FlashAttention 2 as LibTorch carries it. Its backward pass adds up the gradient of q by atomics unless
// LibTorch is asked for deterministic algorithms; then it keeps several sums, each of a fixed set of keys.
#include "nn/attention_kernel.h"
#include "nn/device_integers.h"

namespace dfm::nn {
namespace {

constexpr std::int64_t kMostWidth = 256, kWidthStep = 8;

// For the length of a call. LibTorch knows no narrower place for it, and would also fill what it allocates.
class DeterministicAlgorithms {
 public:
  explicit DeterministicAlgorithms(bool on)
      : was_(context().deterministicAlgorithms()),
        warned_(context().deterministicAlgorithmsWarnOnly()),
        filled_(context().deterministicFillUninitializedMemory()) {
    context().setDeterministicFillUninitializedMemory(false);
    context().setDeterministicAlgorithms(on, false);
  }
  ~DeterministicAlgorithms() {
    context().setDeterministicAlgorithms(was_, warned_);
    context().setDeterministicFillUninitializedMemory(filled_);
  }
  DeterministicAlgorithms(const DeterministicAlgorithms&) = delete;
  DeterministicAlgorithms& operator=(const DeterministicAlgorithms&) = delete;

 private:
  static at::Context& context() { return at::globalContext(); }
  bool was_, warned_, filled_;
};

at::Tensor begins_on(const at::Device& device, const std::vector<std::int64_t>& counts) {
  std::vector<std::int32_t> begins{0};
  for (const std::int64_t count : counts) begins.push_back(begins.back() + static_cast<std::int32_t>(count));
  return integers_on(device, begins);
}

// One sample is a batch of one; several are named by offsets, equal or not.
bool is_one(const AttentionInputs& in) { return in.lengths.samples() == 1; }

struct Offsets {
  explicit Offsets(const AttentionInputs& in)
      : queries(begins_on(in.q.device(), in.lengths.queries)),
        keys(begins_on(in.q.device(), in.lengths.keys)) {}
  at::Tensor queries, keys;
};

Attended forward(const AttentionInputs& in) {
  const std::int64_t most_queries = longest(in.lengths.queries), most_keys = longest(in.lengths.keys);
  if (is_one(in)) {
    const auto result =
        at::_flash_attention_forward(in.q.unsqueeze(0), in.k.unsqueeze(0), in.v.unsqueeze(0), std::nullopt,
                                     std::nullopt, most_queries, most_keys, 0.0, false, false, in.scale);
    return {std::get<0>(result).squeeze(0), std::get<1>(result).view({in.q.size(1), 1, in.q.size(0)})};
  }
  const Offsets offsets(in);
  const auto result = at::_flash_attention_forward(in.q, in.k, in.v, offsets.queries, offsets.keys,
                                                   most_queries, most_keys, 0.0, false, false, in.scale);
  // With one query a sample and shared keys, it orders its sums by head and sample: the same order.
  return {std::get<0>(result),
          by_samples(std::get<1>(result).view({in.q.size(1), in.q.size(0)}), in.lengths)};
}

AttentionGradients backward(const AttentionInputs& in, const Attended& attended, const at::Tensor& dout,
                            bool deterministic) {
  const DeterministicAlgorithms algorithms(deterministic);
  const std::int64_t most_queries = longest(in.lengths.queries), most_keys = longest(in.lengths.keys);
  const at::Tensor lse = attended.log_sum_exp.flatten(1).contiguous();
  const at::Tensor no_dropout = at::empty({0}, in.q.options());
  if (is_one(in)) {
    const auto [dq, dk, dv] = at::_flash_attention_backward(
        dout.unsqueeze(0), in.q.unsqueeze(0), in.k.unsqueeze(0), in.v.unsqueeze(0), attended.out.unsqueeze(0),
        lse.unsqueeze(0), {}, {}, most_queries, most_keys, 0.0, false, no_dropout, no_dropout, in.scale);
    return {dq.squeeze(0), dk.squeeze(0), dv.squeeze(0)};
  }
  const Offsets offsets(in);
  const auto [dq, dk, dv] =
      at::_flash_attention_backward(dout, in.q, in.k, in.v, attended.out, lse, offsets.queries, offsets.keys,
                                    most_queries, most_keys, 0.0, false, no_dropout, no_dropout, in.scale);
  return {dq, dk, dv};
}

std::string problem(const AttentionInputs& in, AttentionPass /*pass*/, bool /*deterministic*/) {
  if (!in.q.is_cuda()) return "it computes on GPUs";
  if (in.q.scalar_type() != at::kBFloat16) return "it takes bfloat16";
  if (in.q.size(2) > kMostWidth) return fmt::format("it takes heads of at most {}", kMostWidth);
  if (in.q.size(2) % kWidthStep != 0) return fmt::format("it takes heads of multiples of {}", kWidthStep);
  return "";
}

}  // namespace

const AttentionKernel& flash_attention() {
  static constexpr AttentionKernel kernel{"flash", problem, forward, backward};
  return kernel;
}

}  // namespace dfm::nn
