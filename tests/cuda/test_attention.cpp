// Each attention kernel against plain softmax attention in float64 on the CPU: results, log-sum-exps, every
// gradient. A kernel that cannot do a case says so and is skipped; what each must be able to do is a test,
// too.
#include "cuda/gpu.h"
#include "nn/attention.h"
#include "nn/attention_choice.h"
#include "nn/attention_rows.h"
#include "nn/ring_blocks.h"
#include "support/attention_packs.h"

namespace dfm {
namespace {

using dfm::testing::attended_sample_by_sample;
using dfm::testing::AttentionPack;
using dfm::testing::Normals;
using dfm::testing::total;
using nn::Attended;
using nn::AttentionGradients;
using nn::AttentionInputs;
using nn::AttentionKernel;
using nn::AttentionPass;
using test::gpu;
using test::relative_error;

// A result is rounded to bfloat16, and probabilities are on the way.
constexpr double kBound = 0.015;
constexpr double kLogSumExpBound = 2e-3;
constexpr double kFloatBound = 1e-4;

// |ours - expected| / (1 + |expected|): with one key, there is no gradient of q to be relative to.
double error_between(const at::Tensor& ours, const at::Tensor& expected) {
  const at::Tensor golden = expected.detach().to(at::kCPU, at::kDouble);
  return ((ours.detach().to(at::kCPU, at::kDouble) - golden).norm() / (1 + golden.norm())).item<double>();
}

struct Case {
  const char* name;
  AttentionPack pack;
  std::int64_t heads = 4, key_heads = 4, width = 128;
};

void PrintTo(const Case& given, std::ostream* out) { *out << given.name; }

// q, k, v and the gradient of the result, by heads, rounded to bfloat16; on the CPU in float64.
struct Example {
  explicit Example(const Case& given) : pack(given.pack) {
    Normals normals;
    for (const at::Tensor& normal :
         dfm::testing::attention_arguments(pack, given.heads, given.key_heads, given.width, normals))
      in.push_back(rounded(normal));
    g = rounded(normals({total(pack.queries), given.heads, given.width}));
    const at::AutoGradMode enabled(true);
    for (at::Tensor& tensor : in) tensor.requires_grad_(true);
    const at::Tensor result = attended_sample_by_sample(pack, in[0], in[1], in[2]);
    result.backward(g.flatten(1));
    out = result.detach().view(g.sizes());
  }

  static at::Tensor rounded(const at::Tensor& normal) { return normal.to(at::kBFloat16).to(at::kDouble); }
  static at::Tensor on_gpu(const at::Tensor& tensor) { return tensor.detach().to(at::kBFloat16).to(gpu()); }

  // As layers give them: memory by tokens.
  AttentionInputs inputs() const {
    const auto rows = [](const at::Tensor& heads) { return on_gpu(heads).transpose(0, 1).contiguous(); };
    return {rows(in[0]), rows(in[1]), rows(in[2]), {pack.queries, pack.keys}, scale()};
  }
  double scale() const { return 1 / std::sqrt(static_cast<double>(in[0].size(2))); }
  at::Tensor gradient(std::size_t argument) const { return in[argument].grad().transpose(0, 1); }

  AttentionPack pack;
  std::vector<at::Tensor> in;
  at::Tensor out, g;
};

std::string problem(const AttentionKernel& kernel, const AttentionInputs& in, bool deterministic = false) {
  const AttentionInputs formed = nn::in_form(in);
  const std::string forward = kernel.problem(formed, AttentionPass::forward, deterministic);
  return forward.empty() ? kernel.problem(formed, AttentionPass::backward, deterministic) : forward;
}

void expect_gradients(const AttentionGradients& ours, const Example& example) {
  EXPECT_LT(error_between(ours.q, example.gradient(0)), kBound) << "gradient of q";
  EXPECT_LT(error_between(ours.k, example.gradient(1)), kBound) << "gradient of k";
  EXPECT_LT(error_between(ours.v, example.gradient(2)), kBound) << "gradient of v";
}

using GetKernel = const AttentionKernel& (*)();

class AttentionKernels : public test::OnGpu,
                         public ::testing::WithParamInterface<std::tuple<GetKernel, Case>> {
 protected:
  const AttentionKernel& kernel() const { return std::get<0>(GetParam())(); }
  const Case& given() const { return std::get<1>(GetParam()); }
};

TEST_P(AttentionKernels, GiveResultAndGradientsOfTheFormula) {
  const Example example(given());
  const AttentionInputs in = example.inputs();
  const std::string why = problem(kernel(), in);
  if (!why.empty()) GTEST_SKIP() << kernel().name << " cannot do " << given().name << ": " << why;
  const Attended attended = nn::attend(in, &kernel());
  EXPECT_LT(relative_error(attended.out, example.out), kBound) << "result";
  const Attended plain = nn::attend(in, &nn::plain_attention());
  EXPECT_EQ(attended.log_sum_exp.sizes(), plain.log_sum_exp.sizes());
  EXPECT_LT(relative_error(attended.log_sum_exp, plain.log_sum_exp), kLogSumExpBound);
  expect_gradients(nn::attention_gradients(in, attended, Example::on_gpu(example.g), &kernel()), example);
}

TEST_P(AttentionKernels, GoOnWhereThePlainOneHasBegun) {
  const Example example(given());
  const AttentionInputs in = example.inputs();
  const std::string why = problem(kernel(), in);
  if (!why.empty()) GTEST_SKIP() << kernel().name << " cannot do " << given().name << ": " << why;
  const Attended plain = nn::attend(in, &nn::plain_attention());
  expect_gradients(nn::attention_gradients(in, plain, Example::on_gpu(example.g), &kernel()), example);
}

const Case kCases[] = {
    {"OneSample", {{300}, {300}}},
    {"OneLongSample", {{2048}, {2048}}, 2, 2},
    {"EqualSamples", {{256, 256, 256}, {256, 256, 256}}},
    {"EqualSamplesOfOddLength", {{177, 177}, {177, 177}}},
    {"Packed", {{1, 7, 64, 300}, {1, 7, 64, 300}}},
    {"ManyTinySamples", {std::vector<std::int64_t>(100, 5), std::vector<std::int64_t>(100, 5)}},
    {"Texts", {{300, 64, 129}, {77, 3, 40}}},
    {"EqualTexts", {{256, 256}, {77, 77}}},
    {"ShortTexts", {{700, 150}, {60, 17}}},
    {"OneShortText", {{1024}, {128}}},
    {"TextsOfOneRow", {{64, 65}, {1, 1}}},
    {"SharedKeys", {{300, 20}, {300, 20}}, 6, 2},
    {"SharedKeysOfEqualSamples", {{128, 128}, {128, 128}}, 8, 2, 64},
    {"Width40", {{130, 200}, {130, 200}}, 4, 4, 40},
    {"Width42", {{130, 200}, {130, 200}}, 4, 4, 42},
    {"Width64", {{130, 200}, {130, 200}}, 4, 4, 64},
    {"Width72", {{130, 200}, {130, 200}}, 4, 4, 72},
    {"Width72OfEqualSamples", {{256, 256}, {256, 256}}, 4, 4, 72},
    {"Width42OfOneSample", {{256}, {256}}, 3, 3, 42},
};

INSTANTIATE_TEST_SUITE_P(All, AttentionKernels,
                         ::testing::Combine(::testing::Values(&nn::cudnn_attention, &nn::flash_attention,
                                                              &nn::plain_attention),
                                            ::testing::ValuesIn(kCases)),
                         [](const auto& given) {
                           return std::string(std::get<0>(given.param)().name) +
                                  std::get<1>(given.param).name;
                         });

struct Attention : test::OnGpu {};

// On Hopper; what a kernel cannot do elsewhere falls to the next.
TEST_F(Attention, OfBfloat16IsDoneByCudnnAndByFlash) {
  for (const Case& given : kCases) {
    const AttentionInputs in = Example(given).inputs();
    EXPECT_EQ(problem(nn::cudnn_attention(), in), "") << given.name;
    EXPECT_EQ(problem(nn::flash_attention(), in), "") << given.name;
  }
}

std::vector<at::Tensor> leaves(const Example& example, at::ScalarType type) {
  std::vector<at::Tensor> found;
  for (const at::Tensor& tensor : example.in)
    found.push_back(tensor.detach().to(type).to(gpu()).requires_grad_(true));
  return found;
}

void expect_packed(const Example& example, at::ScalarType type, double bound) {
  const auto in = leaves(example, type);
  const at::Tensor out = nn::packed_attention(in[0], in[1], in[2], example.pack.queries, example.pack.keys);
  EXPECT_EQ(out.sizes(), example.out.flatten(1).sizes());
  EXPECT_LT(relative_error(out.detach(), example.out.flatten(1)), bound);
  out.backward(example.g.flatten(1).to(type).to(gpu()));
  for (std::size_t i = 0; i < in.size(); ++i)
    EXPECT_LT(relative_error(in[i].grad(), example.in[i].grad()), bound) << "argument " << i;
}

// Memory by heads, as nothing but a test has it.
TEST_F(Attention, OfAPackTakesAnyStrides) {
  expect_packed(Example({"", {{100, 30}, {100, 30}}}), at::kBFloat16, kBound);
  expect_packed(Example({"", {{128, 128}, {128, 128}}}), at::kBFloat16, kBound);
}
TEST_F(Attention, OfAPackMayLackQueriesOfSamples) {
  expect_packed(Example({"", {{0, 30, 0, 7, 0}, {5, 20, 4, 10, 3}}, 4, 2}), at::kBFloat16, kBound);
}
TEST_F(Attention, OfFloat32IsExact) {
  expect_packed(Example({"", {{100, 30, 30}, {100, 30, 30}}, 4, 2, 42}), at::kFloat, kFloatBound);
}

// q, k and v side by side in one row, of packed samples and of equal ones.
TEST_F(Attention, TakesPartsOfWiderRows) {
  for (const AttentionPack& pack :
       {AttentionPack{{130, 70}, {130, 70}}, AttentionPack{{128, 128}, {128, 128}}}) {
    const Example example({"", pack});
    const AttentionInputs apart = example.inputs();
    const at::Tensor together = at::stack({apart.q, apart.k, apart.v}, 1);
    const AttentionInputs in{together.select(1, 0), together.select(1, 1), together.select(1, 2),
                             apart.lengths, apart.scale};
    for (const GetKernel get : {&nn::cudnn_attention, &nn::flash_attention}) {
      const Attended attended = nn::attend(in, &get());
      EXPECT_LT(relative_error(attended.out, example.out), kBound) << get().name;
      expect_gradients(nn::attention_gradients(in, attended, Example::on_gpu(example.g), &get()), example);
    }
  }
}

TEST_F(Attention, OfPartsOfTheKeysMergesByItsLogSumExp) {
  const Example example({"", {{200}, {256}}});
  const AttentionInputs in = example.inputs();
  for (const GetKernel get : {&nn::cudnn_attention, &nn::flash_attention}) {
    std::vector<at::Tensor> outs, sums;
    for (const std::int64_t begin : {0, 128}) {
      const Attended part = nn::attend(
          {in.q, in.k.narrow(0, begin, 128), in.v.narrow(0, begin, 128), {{200}, {128}}, in.scale}, &get());
      outs.push_back(part.out.to(at::kFloat));
      sums.push_back(part.log_sum_exp.flatten(1).t().unsqueeze(-1));
    }
    const at::Tensor both = at::logaddexp(sums[0], sums[1]);
    const at::Tensor merged = outs[0] * (sums[0] - both).exp() + outs[1] * (sums[1] - both).exp();
    EXPECT_LT(relative_error(merged, example.out), kBound) << get().name;
  }
}

// As a ring does it, by the kernel of ours.
TEST_F(Attention, OfBlocksOfTheKeysIsMergedOnTheWay) {
  const Example example({"", {{200, 30}, {256, 64}}, 4, 2, 72});
  const auto heads = [](const at::Tensor& tensor) { return Example::on_gpu(tensor); };
  const at::Tensor q = heads(example.in[0]), kv = at::stack({heads(example.in[1]), heads(example.in[2])});
  const nn::PartialAttention so_far = nn::nothing_attended(q);
  const std::vector<std::int64_t> queries{200, 30}, first_keys{256, 0}, last_keys{0, 64};
  nn::add_block(q, kv.narrow(2, 0, 256), {queries, first_keys}, so_far);
  nn::add_block(q, kv.narrow(2, 256, 64), {queries, last_keys}, so_far);
  EXPECT_LT(relative_error(so_far.out.transpose(0, 1), example.out), kBound);
  const nn::RingGradient of{q,
                            heads(example.g).transpose(0, 1),
                            {so_far.out.to(at::kBFloat16), so_far.log_sum_exp},
                            nn::float_zeros_like(q)};
  const at::Tensor first = nn::block_gradient(of, kv.narrow(2, 0, 256), {queries, first_keys});
  const at::Tensor last = nn::block_gradient(of, kv.narrow(2, 256, 64), {queries, last_keys});
  const at::Tensor both = at::cat({first, last}, 2);
  EXPECT_LT(relative_error(of.dq, example.in[0].grad()), kBound);
  EXPECT_LT(relative_error(both[0], example.in[1].grad()), kBound);
  EXPECT_LT(relative_error(both[1], example.in[2].grad()), kBound);
}

// Both halves of the keys for the same rows.
TEST_F(Attention, OfTwoBlocksForTheSameRowsIsThatOfBoth) {
  const Example example({"", {{200}, {256}}});
  const at::Tensor q = Example::on_gpu(example.in[0]),
                   kv = at::stack({Example::on_gpu(example.in[1]), Example::on_gpu(example.in[2])});
  const nn::PartialAttention so_far = nn::nothing_attended(q);
  const std::vector<std::int64_t> queries{200}, keys{128};
  for (const std::int64_t begin : {0, 128})
    nn::add_block(q, kv.narrow(2, begin, 128), {queries, keys}, so_far);
  EXPECT_LT(relative_error(so_far.out.transpose(0, 1), example.out), kBound);
}

class Deterministic {
 public:
  Deterministic() { nn::set_attention({nn::AttentionChoice::automatic, true}); }
  ~Deterministic() { nn::set_attention({}); }
  Deterministic(const Deterministic&) = delete;
  Deterministic& operator=(const Deterministic&) = delete;
};

TEST_F(Attention, GivesEqualBitsWhenAsked) {
  const Deterministic scope;
  for (const AttentionPack& pack :
       {AttentionPack{{2048}, {2048}}, AttentionPack{{1500, 64, 700}, {1500, 64, 700}}}) {
    const Example example({"", pack, 4, 2});
    const AttentionInputs in = example.inputs();
    const at::Tensor dout = Example::on_gpu(example.g);
    for (const GetKernel get : {&nn::cudnn_attention, &nn::flash_attention}) {
      const std::string why = problem(get(), in, true);
      if (!why.empty()) std::cout << get().name << " cannot be deterministic: " << why << "\n";
      if (!why.empty()) continue;
      const Attended attended = nn::attend(in, &get());
      const AttentionGradients first = nn::attention_gradients(in, attended, dout, &get());
      expect_gradients(first, example);
      for (int i = 0; i < 3; ++i) {
        const AttentionGradients again = nn::attention_gradients(in, attended, dout, &get());
        EXPECT_TRUE(at::equal(again.q, first.q) && at::equal(again.k, first.k) && at::equal(again.v, first.v))
            << get().name;
      }
    }
  }
}

TEST_F(Attention, IsMeasuredOnDemand) {
  nn::set_attention({nn::AttentionChoice::measure, false});
  expect_packed(Example({"", {{300, 129}, {300, 129}}}), at::kBFloat16, kBound);
  nn::set_attention({});
}

}  // namespace
}  // namespace dfm
