// Philox on the GPU against that of the CPU, which tests/unit/core compares with published words.
#include "cuda/gpu.h"
#include "nn/random.h"

namespace dfm {
namespace {

using test::gpu;

struct Random : test::OnGpu {};

// From and to the middle of a block of four, and past what 32 bits count.
const std::array kDraws{nn::Draw{1234, Stream::noise, 7, 0}, nn::Draw{~0ULL, Stream::noise, ~0ULL, 3},
                        nn::Draw{0, Stream::sampling_noise, 1, (std::uint64_t{5} << 33U) + 2}};
constexpr std::int64_t kCount = 100001;

TEST_F(Random, BitsAreThoseOfTheCpu) {
  for (const nn::Draw& draw : kDraws) {
    const at::Tensor here = at::empty({kCount}, at::kInt), there = at::empty_like(here, at::Device(gpu()));
    nn::fill_with_bits(here, draw);
    nn::fill_with_bits(there, draw);
    EXPECT_TRUE(at::equal(here, there.cpu()));
  }
}

// Floats of one sign have the order of their bits.
TEST_F(Random, NormalsAreThoseOfTheCpuToOneUnitInTheLastPlace) {
  for (const nn::Draw& draw : kDraws) {
    const at::Tensor here = at::empty({kCount}, at::kFloat), there = at::empty_like(here, at::Device(gpu()));
    nn::fill_with_normals(here, draw);
    nn::fill_with_normals(there, draw);
    const at::Tensor apart = (here.view(at::kInt) - there.cpu().view(at::kInt)).abs();
    EXPECT_LE(apart.max().item<int>(), 1);
  }
}

TEST_F(Random, NothingIsWrittenBesideTheElements) {
  const at::Tensor all = at::zeros({64}, at::TensorOptions(gpu()).dtype(at::kFloat));
  nn::fill_with_normals(all.narrow(0, 5, 7), {1, Stream::noise, 2, 3});
  nn::fill_with_normals(all.narrow(0, 40, 0), {1, Stream::noise, 2, 3});
  EXPECT_EQ(all.ne(0).sum().item<std::int64_t>(), 7);
  EXPECT_EQ(all.narrow(0, 5, 7).ne(0).sum().item<std::int64_t>(), 7);
}

}  // namespace
}  // namespace dfm
