// NCCL with one rank: that every call is made and arrives. Sums over several ranks need several GPUs.
#include "cuda/gpu.h"
#include "nn/device.h"
#include "nn/host_copy.h"

namespace dfm {
namespace {

using test::gpu;

struct Channel : test::OnGpu {
  static constexpr std::int64_t kCount = 1000;

  void SetUp() override {
    OnGpu::SetUp();
    if (!IsSkipped()) channel = nn::join_channel(nn::channel_id(), 0, 1);
  }

  static std::span<std::byte> bytes(const at::Tensor& tensor) {
    return std::as_writable_bytes(nn::floats_of(tensor));
  }

  std::shared_ptr<comm::DeviceChannel> channel;
  at::Tensor values = at::randn({kCount}).to(gpu());
  at::Tensor out = at::zeros_like(values);
  std::vector<std::int64_t> count{kCount}, byte_count{kCount * 4};
};

TEST_F(Channel, SumsInPlace) {
  const at::Tensor before = values.clone();
  channel->all_reduce_sum(nn::floats_of(values))();
  EXPECT_TRUE(at::equal(values, before));
}

TEST_F(Channel, GivesEachRankItsPartOfASum) {
  channel->reduce_scatter_sum(nn::floats_of(values), count, nn::floats_of(out))();
  EXPECT_TRUE(at::equal(out, values));
}

TEST_F(Channel, GathersParts) {
  const at::Tensor before = values.clone();
  channel->all_gather_parts({bytes(values), byte_count})();
  EXPECT_TRUE(at::equal(values, before));
}

TEST_F(Channel, ExchangesPartsWithAll) {
  channel->all_to_all({bytes(values), byte_count}, {bytes(out), byte_count})();
  EXPECT_TRUE(at::equal(out, values));
}

TEST_F(Channel, ExchangesWithItself) {
  channel->exchange(bytes(values), 0, bytes(out), 0)();
  EXPECT_TRUE(at::equal(out, values));
}

TEST_F(Channel, WaitsForWhatWasQueuedBefore) {
  channel->exchange(bytes(values), 0, bytes(out), 0)();  // the first one takes a while
  const at::Tensor expected = values + 1;
  test::keep_busy();
  values.add_(1);
  channel->exchange(bytes(values), 0, bytes(out), 0)();
  EXPECT_TRUE(at::equal(out, expected));
}

}  // namespace
}  // namespace dfm
